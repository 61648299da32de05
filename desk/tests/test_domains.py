"""Email domains at the desk: added, and taken back if given by mistake."""

import pytest
from django.contrib import admin
from django.db import IntegrityError, transaction

from conftest import make_active_member, make_member, membership_of, messages_of, visible_text
from desk.tests.action_pages import listed
from members.models import Decision, EmailDomain, Organization
from members.services import Refused, remove_domain
from teams.services import add_domain, complete_join, join_teams

DOMAINS = "/admin/members/emaildomain/"
TAKE_BACK = "/admin/members/emaildomain/{}/take-back/"


def test_domain_add_confirms_who_waits_at_it(
    client_for, facilitator, organization, team, queued_emails
):
    una = make_member("una@rush-clinics.example", organization, "Una", confirmed=False)
    join_teams(una, [team])
    form_data = {"organization": organization.name, "domain": "@Rush-Clinics.example"}
    response = client_for(facilitator).post(f"{DOMAINS}add/", form_data)
    assert "1 person at rush-clinics.example confirmed." in messages_of(response)
    added = EmailDomain.objects.get(domain="rush-clinics.example")
    assert added.history.get().history_user == facilitator
    assert membership_of(una, team).is_active
    assert queued_emails()[-1].to == [una.email]


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        ("gmail.com", "public mailbox provider"),
        ("onmicrosoft.com", "Many organizations share this domain"),
        ("loop.example", "loop.example already belongs to Loop Example Clinic"),
        ("nodots", "Enter an email domain"),
        ("@", "Enter an email domain"),
        ("", "Enter the domain"),
    ],
)
def test_domain_form_refuses_what_cannot_be_an_organizations(
    rf, facilitator, organization, other_organization, domain, text
):
    request = rf.get("/")
    request.user = facilitator
    form_class = admin.site.get_model_admin(EmailDomain).get_form(request)
    form = form_class({"organization": organization.name, "domain": domain})
    ((message,),) = form.errors.values()
    assert text in message
    assert "domain" in form.errors


def test_domain_add_that_is_refused_keeps_what_was_typed(
    client_for, facilitator, organization, other_organization
):
    form_data = {"organization": organization.name, "domain": "www.Loop.example"}
    response = client_for(facilitator).post(f"{DOMAINS}add/", form_data)
    words = "loop.example already belongs to Loop Example Clinic. Move it to"
    assert words in visible_text(response)
    assert response.context["adminform"].form["domain"].value() == "www.Loop.example"
    assert EmailDomain.objects.count() == 2


def test_domain_add_asks_before_it_stores_one_below_anothers(
    client_for, facilitator, organization, other_organization
):
    client = client_for(facilitator)
    page = client.get(f"{DOMAINS}add/")
    assert 'type="checkbox"' not in page.content.decode()
    form_data = {"organization": other_organization.name, "domain": "Mail.Rush.example"}
    page = client.post(f"{DOMAINS}add/", form_data)
    text = visible_text(page)
    assert "mail.rush.example is below rush.example of Rush Example Hospital." in text
    assert "If that is right, check the box and save again." in text
    assert 'type="checkbox" name="accepts_overlap"' in page.content.decode()
    assert not EmailDomain.objects.filter(domain="mail.rush.example").exists()
    client.post(f"{DOMAINS}add/", form_data | {"accepts_overlap": "on"})
    stored = EmailDomain.objects.get(domain="mail.rush.example")
    assert stored.organization == other_organization
    # The organization's own need no question.
    form_data = {"organization": organization.name, "domain": "hr.rush.example"}
    client.post(f"{DOMAINS}add/", form_data)
    assert EmailDomain.objects.filter(domain="hr.rush.example").exists()


def test_domain_add_asks_before_it_stores_one_that_looks_like_anothers(
    client_for, facilitator, organization, other_organization
):
    client = client_for(facilitator)
    form_data = {"organization": other_organization.name, "domain": "rsuh.example"}
    text = visible_text(client.post(f"{DOMAINS}add/", form_data))
    assert (
        "rsuh.example looks like rush.example of Rush Example Hospital. If that is right," in text
    )
    client.post(f"{DOMAINS}add/", form_data | {"accepts_overlap": "on"})
    assert EmailDomain.objects.get(domain="rsuh.example").organization == other_organization
    # One organization may have several endings.
    form_data = {"organization": organization.name, "domain": "rush.test"}
    client.post(f"{DOMAINS}add/", form_data)
    assert EmailDomain.objects.filter(domain="rush.test").exists()


def test_organization_add_asks_before_it_stores_a_domain_above_anothers(
    client_for, facilitator, organization
):
    EmailDomain.objects.create(domain="clinic.example.net", organization=organization)
    client = client_for(facilitator)
    form_data = {"name": "Lakeview Health", "email_domain": "https://www.Example.net/"}
    url = "/admin/members/organization/add/"
    text = visible_text(client.post(url, form_data))
    assert "clinic.example.net of Rush Example Hospital is below example.net and keeps" in text
    client.post(url, form_data | {"accepts_overlap": "on"})
    assert EmailDomain.objects.get(domain="example.net").organization.name == "Lakeview Health"


def test_domain_is_shown_readable(client_for, facilitator, organization):
    domain = EmailDomain.objects.create(
        domain="xn--zrich-klinik-dlb.example", organization=organization
    )
    readable = "zürich-klinik.example (xn--zrich-klinik-dlb.example)"
    client = client_for(facilitator)
    for path in (
        DOMAINS,
        f"{DOMAINS}{domain.pk}/change/",
        TAKE_BACK.format(domain.pk),
        f"/admin/members/organization/{organization.pk}/change/",
    ):
        assert readable in visible_text(client.get(path)), path
    EmailDomain.objects.filter(pk=domain.pk).delete()
    proposed = Organization.objects.create(
        name="Klinik Zürich", suggested_domain="xn--zrich-klinik-dlb.example"
    )
    make_member("iris@zürich-klinik.example", proposed, "Iris", confirmed=False)
    for path in (
        f"/admin/members/organization/{proposed.pk}/recognize/",
        "/admin/members/organization/?waits=decision",
        "/admin/",
    ):
        assert readable in visible_text(client.get(path)), path
    domain.save(force_insert=True)
    assert listed(EmailDomain, facilitator, "q=Zürich-Klinik.example") == [domain]
    answer = client.post("/organizations/check/", {"email": "ana@ZÜRICH-klinik.example"})
    assert f"Addresses at {readable} belong to Rush Example Hospital" in visible_text(answer)


def test_domain_add_refuses_an_unknown_organization_and_keeps_the_form(client_for, facilitator):
    form_data = {"organization": "Nowhere <Clinic>", "domain": "nowhere.example"}
    response = client_for(facilitator).post(f"{DOMAINS}add/", form_data)
    assert "No organization has this name." in visible_text(response)
    assert response.context["adminform"].form["organization"].value() == "Nowhere <Clinic>"
    assert not EmailDomain.objects.filter(domain="nowhere.example").exists()


def test_domain_is_not_changed_afterwards(client_for, administrator, organization):
    domain = organization.domains.get()
    path = f"{DOMAINS}{domain.pk}/change/"
    assert client_for(administrator).post(path, {"domain": "other.example"}).status_code == 403
    domain.refresh_from_db()
    assert domain.domain == "rush.example"


def test_domain_search_finds_by_organization(facilitator, organization, other_organization):
    assert [row.domain for row in listed(EmailDomain, facilitator, "q=Loop")] == ["loop.example"]


def test_domain_given_by_mistake_is_taken_back_with_history(
    client_for, facilitator, member, organization
):
    domain = organization.domains.get()
    client = client_for(facilitator)
    page = client.get(TAKE_BACK.format(domain.pk))
    assert "Those who are confirmed already stay confirmed" in visible_text(page)
    assert organization.domains.count() == 1
    response = client.post(TAKE_BACK.format(domain.pk))
    (message,) = messages_of(response)
    assert "The email domain rush.example of Rush Example Hospital has been removed." in message
    gone = EmailDomain.history.filter(domain="rush.example").latest()
    assert (gone.removed_at is None, gone.history_user) == (False, facilitator)
    assert gone.history_change_reason == "taken back"
    assert EmailDomain._base_manager.get(pk=domain.pk).organization == organization
    member.refresh_from_db()
    assert member.is_affiliation_confirmed


def test_take_back_ends_confirming_by_the_domain(client_for, facilitator, organization, team):
    client_for(facilitator).post(TAKE_BACK.format(organization.domains.get().pk))
    newcomer, (text,) = complete_join(
        "nora@rush.example",
        full_name="Nora",
        job_title="",
        organization="Rush Example Hospital",
        team_ids=[team.pk],
    )
    assert text.outcome == "waiting"
    assert not newcomer.is_affiliation_confirmed


def test_form_says_beforehand_whom_a_domain_confirms(client_for, facilitator):
    text = visible_text(client_for(facilitator).get("/admin/members/emaildomain/add/"))
    assert "Saving confirms everyone who waits at such an address" in text


def test_take_back_is_refused_to_members_and_visitors(client, client_for, member, organization):
    domain = organization.domains.get()
    assert client.post(TAKE_BACK.format(domain.pk)).status_code == 302
    assert client_for(member).post(TAKE_BACK.format(domain.pk)).status_code == 403
    assert EmailDomain.objects.filter(pk=domain.pk).exists()


def test_take_back_twice_is_not_found(facilitator, organization):
    domain = organization.domains.get()
    same = EmailDomain.objects.get(pk=domain.pk)
    remove_domain(domain, by=facilitator)
    with pytest.raises(Refused, match="already been removed"):
        remove_domain(same, by=facilitator)


@pytest.mark.both_databases
def test_removed_domain_can_be_given_again_and_stays_as_a_row(
    facilitator, organization, other_organization
):
    removed = organization.domains.get()
    remove_domain(removed, by=facilitator)
    add_domain(other_organization, domain="rush.example", by=facilitator)
    assert EmailDomain.objects.owner_of("rush.example") == other_organization
    assert EmailDomain._base_manager.filter(domain="rush.example").count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        EmailDomain._base_manager.filter(pk=removed.pk).update(removed_at=None)
    with pytest.raises(Refused, match="already belongs to an organization"):
        add_domain(organization, domain="rush.example", by=facilitator)


# A domain goes to another organization ----------------------------------------------------------

MOVE = "/admin/members/emaildomain/{}/move/"
MOVE_PEOPLE = "/admin/members/emaildomain/{}/move-people/"


@pytest.fixture
def stranger(organization, other_team):
    """A person in a team that the facilitator does not run."""
    return make_active_member("sam@rush.example", organization, "Sam Stranger", other_team)


def undo_newest(client):
    decision = Decision.objects.latest("pk")
    client.post(f"/admin/members/decision/{decision.pk}/undo/")


def test_domain_moves_with_its_people_after_a_preview_and_is_undone(
    client_for, facilitator, member, stranger, organization, other_organization
):
    domain = organization.domains.get()
    client = client_for(facilitator)
    assert MOVE.format(domain.pk) in client.get(f"{DOMAINS}{domain.pk}/change/").content.decode()
    page = client.get(MOVE.format(domain.pk) + "?search=loop example clinic")
    text = visible_text(page)
    assert (
        "rush.example belongs to Loop Example Clinic from now on. 1 person moves with it." in text
    )
    assert "1 person in your teams; 2 others, whom an administrator can move" in text
    assert "Sam" not in text
    assert organization.domains.count() == 1
    form_data = {"into": page.context["form"]["into"].value(), "people": "on"}
    text = " ".join(messages_of(client.post(MOVE.format(domain.pk), form_data)))
    assert "rush.example now belongs to Loop Example Clinic. 1 person moved." in text
    assert "2 people are not in your teams: an administrator can move them." in text
    member.refresh_from_db()
    stranger.refresh_from_db()
    assert (member.organization, stranger.organization) == (other_organization, organization)
    undo_newest(client)
    member.refresh_from_db()
    domain.refresh_from_db()
    assert (member.organization, domain.organization) == (organization, organization)
    assert member.is_affiliation_confirmed


def test_people_are_offered_to_follow_a_domain_that_was_removed_and_added(
    client_for, facilitator, member, stranger, organization, other_organization
):
    client = client_for(facilitator)
    client.post(TAKE_BACK.format(organization.domains.get().pk))
    form_data = {"organization": other_organization.name, "domain": "rush.example"}
    response = client.post(f"{DOMAINS}add/", form_data, follow=True)
    assert "Confirmed for the organization that had rush.example before" in visible_text(response)
    domain = EmailDomain.objects.get(domain="rush.example")
    page = client.get(MOVE_PEOPLE.format(domain.pk))
    assert "1 person in your teams; 2 others, whom an administrator can move" in visible_text(page)
    response = client.post(MOVE_PEOPLE.format(domain.pk))
    assert "rush.example: 1 person moved." in messages_of(response)[-1]
    member.refresh_from_db()
    assert member.organization == other_organization
    # Nobody is left in the facilitator's teams, and the action is no longer offered.
    url = MOVE_PEOPLE.format(domain.pk)
    assert url not in client.get(f"{DOMAINS}{domain.pk}/change/").content.decode()
    undo_newest(client)
    member.refresh_from_db()
    stranger.refresh_from_db()
    assert (member.organization, stranger.organization) == (organization, organization)


def test_move_says_why_it_is_refused_and_changes_nothing(
    client_for, facilitator, organization, proposed_organization
):
    domain = organization.domains.get()
    client = client_for(facilitator)
    page = client.get(MOVE.format(domain.pk) + f"?into={proposed_organization.pk}")
    assert "Lakeview Health is not recognized. Recognize it first" in visible_text(page)
    page = client.get(MOVE.format(domain.pk) + "?search=Nowhere")
    assert "Nothing here matches “Nowhere”." in visible_text(page)
    client.post(MOVE.format(domain.pk), {"into": "999999", "people": "on"})
    domain.refresh_from_db()
    assert domain.organization == organization


def test_move_is_refused_to_members_and_visitors(client, client_for, member, organization):
    domain = organization.domains.get()
    for url in (MOVE, MOVE_PEOPLE):
        assert client.post(url.format(domain.pk)).status_code == 302
        assert client_for(member).post(url.format(domain.pk)).status_code == 403
