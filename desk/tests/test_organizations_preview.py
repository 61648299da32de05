"""What the pages of an organization tell before it is decided about, and afterwards."""

import pytest

from conftest import membership_of, visible_text
from desk.records.organizations.similar import similar_names
from desk.tests.action_pages import action_url, selection_url
from members.models import EmailDomain, Organization
from teams.services import add_organization, decline_organization, recognize_organization

LIST = "/admin/members/organization/"


@pytest.fixture
def lakeview(applicant) -> Organization:
    """Proposed; Wanda waits for it."""
    return applicant.organization


@pytest.mark.parametrize(
    ("name", "looks_alike"),
    [
        ("Rush Medical Center", True),
        ("Russh Exampel Hospital", True),
        ("The RÜSH", True),
        ("Lakeview Health", False),
        ("Example Hospital Rush", False),
        ("Rushmore Clinic", False),
    ],
)
def test_names_are_similar_to_those_of_recognized_organizations(organization, name, looks_alike):
    record = Organization.objects.create(name=name)
    ((_, similar),) = similar_names([record.normalized_name]).items()
    assert similar == ([(organization.pk, "Rush Example Hospital")] if looks_alike else [])


@pytest.mark.parametrize(
    ("name", "looks_alike"), [("Rush Medical Center", True), ("Rushmore Clinic", False)]
)
def test_pages_show_similar_recognized_organizations(
    client_for, facilitator, organization, name, looks_alike
):
    record = Organization.objects.create(name=name, suggested_domain="other.example")
    client = client_for(facilitator)
    link = f"/admin/members/emaildomain/add/?organization={organization.pk}&domain=other.example"
    for path in (action_url("recognize", record), f"{LIST}{record.pk}/change/"):
        response = client.get(path)
        assert (link.replace("&", "&amp;") in response.content.decode()) is looks_alike
        text = visible_text(response)
        assert ("Add other.example to Rush Example Hospital" in text) is looks_alike
        assert ("confirms everyone who waits at other.example" in text) is looks_alike


def test_similar_organization_offers_its_domain_filled_in(
    client_for, facilitator, organization, lakeview, applicant, team
):
    client = client_for(facilitator)
    Organization.objects.filter(pk=organization.pk).update(
        name="Lakeview Healthcare", normalized_name="lakeview healthcare"
    )
    text = client.get(action_url("recognize", lakeview)).content.decode()
    path = f"/admin/members/emaildomain/add/?organization={organization.pk}"
    assert f'href="{path}&amp;domain=lakeview.example"' in text
    form = client.get(f"{path}&domain=lakeview.example").context["adminform"].form
    assert form["domain"].value() == "lakeview.example"
    assert form["organization"].value() == "Lakeview Healthcare"
    client.post(path, {"organization": "Lakeview Healthcare", "domain": "lakeview.example"})
    applicant.refresh_from_db()
    assert applicant.organization == organization
    assert membership_of(applicant, team).is_active


@pytest.mark.parametrize("domain", ["", "loop.example"])
def test_similar_organization_offers_no_missing_or_taken_domain(
    client_for, facilitator, organization, other_organization, domain
):
    record = Organization.objects.create(name="Rush", suggested_domain=domain)
    response = client_for(facilitator).get(action_url("recognize", record))
    assert "give the known name as the reason" in visible_text(response)
    assert "emaildomain/add" not in response.content.decode()


def test_similar_organizations_leave_out_proposed_and_declined_ones(
    client_for, facilitator, lakeview
):
    other = Organization.objects.create(name="Lakeview Clinic")
    assert "name like" not in visible_text(
        client_for(facilitator).get(action_url("recognize", other))
    )


def test_similar_organizations_compare_a_limited_number(
    client_for, facilitator, organization, monkeypatch
):
    """The name with the same first word is compared, however many stand before it."""
    monkeypatch.setattr("desk.records.organizations.similar.MAX_NAMES_COMPARED", 1)
    add_organization("Aaa Clinic", by=facilitator)
    records = [Organization.objects.create(name=f"Rush {n}") for n in range(3)]
    monkeypatch.setattr("desk.records.organizations.similar.MAX_NAMES_PER_PAGE", 2)
    client = client_for(facilitator)
    text = visible_text(client.get(selection_url(client, "recognize", *records)))
    assert text.count("with a name like") == 2
    assert "Aaa Clinic" not in text


@pytest.mark.parametrize("decision", ["recognize", "decline"])
def test_page_of_one_that_was_recognized_says_so_and_has_no_form(
    client_for, facilitator, administrator, lakeview, decision
):
    recognize_organization(lakeview, domain="lakeview.example", by=administrator)
    response = client_for(facilitator).get(action_url(decision, lakeview))
    text = visible_text(response)
    assert "Lakeview Health is already recognized, since" in text
    assert "by Ada Admin" in text
    assert "one organization?" not in text
    assert "Cancel" not in text
    content = response.content.decode()
    assert 'type="submit" class="default"' not in content
    assert "<textarea" not in content


def test_decline_page_of_one_that_was_declined_says_so(client_for, facilitator, lakeview):
    decline_organization(lakeview, reason="Not known.", by=facilitator)
    response = client_for(facilitator).get(action_url("decline", lakeview))
    assert "Lakeview Health is already declined, since" in visible_text(response)
    assert "<textarea" not in response.content.decode()


def test_page_keeps_its_form_for_those_that_still_wait(
    client_for, facilitator, administrator, lakeview
):
    other = Organization.objects.create(name="New Clinic")
    recognize_organization(lakeview, by=administrator)
    client = client_for(facilitator)
    response = client.get(selection_url(client, "recognize", lakeview, other))
    assert "Lakeview Health is already recognized" in visible_text(response)
    assert 'value="Recognize"' in response.content.decode()


def test_recognize_page_knows_a_domain_that_is_its_own_already(client_for, facilitator, lakeview):
    EmailDomain.objects.create(organization=lakeview, domain="lakeview.example")
    text = visible_text(client_for(facilitator).get(action_url("recognize", lakeview)))
    assert "lakeview.example is already its email domain." in text
    assert "one organization?" not in text


def test_decline_starts_from_the_gentlest_reason(client_for, facilitator, lakeview):
    response = client_for(facilitator).get(action_url("decline", lakeview))
    form_data = response.context["form"]["reason"].value()
    assert form_data.startswith("We could not find out which organization this is.")
    text = visible_text(response)
    assert "enter its name under My details, as our page of organizations shows it" in text
    assert "from the list" not in text


def test_nobody_waits_for_one_that_was_declined(client_for, facilitator, lakeview):
    decline_organization(lakeview, reason="Not known.", by=facilitator)
    client = client_for(facilitator)
    assert client.get(LIST + "?o=3").status_code == 200
    cell = '<td data-label="People waiting" class="field-waiting">0</td>'
    assert cell in client.get(LIST).content.decode()
    record = client.get(f"{LIST}{lakeview.pk}/change/")
    assert "People waiting 0" in visible_text(record)
    assert "Nobody waits" in visible_text(record)
    assert "Wanda" not in visible_text(record)


def test_record_shows_what_was_decided_once_it_is(client_for, facilitator, lakeview):
    client = client_for(facilitator)
    path = f"{LIST}{lakeview.pk}/change/"
    undecided = visible_text(client.get(path))
    assert "Decided" not in undecided
    assert "Decision reason" not in undecided
    assert "It counts only once it is among the email domains." in undecided
    assert "ticked" not in undecided
    decline_organization(lakeview, reason="Not known.", by=facilitator)
    declined = visible_text(client.get(path))
    assert "Decided by Fay Facilitator" in declined
    assert "Not known." in declined
    recognize_organization(lakeview, by=facilitator)
    recognized = visible_text(client.get(path))
    assert "Decided by Fay Facilitator" in recognized
    assert "Decision reason" not in recognized
