"""Whether the tick "its email domain" is set beforehand, and what the desk says about it."""

import pytest

from conftest import make_member, visible_text
from desk.records.organizations.domain_evidence import (
    domain_evidence,
    is_name_in_domain,
    mark_probable_domains,
)
from members.models import EmailDomain, Member, Organization


@pytest.fixture
def unclear(db):
    """A proposed organization whose name does not show in the domain that was suggested."""
    return Organization.objects.create(name="Lakeview Health", suggested_domain="lvh-mail.example")


def evidence(organization):
    loaded = Organization.objects.with_domain_evidence().get(pk=organization.pk)
    mark_probable_domains([loaded])
    return domain_evidence(loaded)


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("Lakeview Health", "lakeview.example"),
        ("Lakeview Health", "mail.lakeview-health.org"),
        ("Lakeview Health", "mylakeviewmed.org"),
        ("The St. Anne’s Hospital, Inc.", "stannes.example"),
        ("Ann & Robert H. Lurie Children's Hospital of Chicago", "luriechildrens.org"),
        ("Northwest Community Healthcare", "nch.org"),
        ("University of Illinois Chicago", "uic.edu"),
        ("Rush University", "rush.edu"),
        ("Klinik Zürich", "xn--zrich-klinik-dlb.example"),
        ("Rush Clinic", "rush.onmicrosoft.com"),
        ("Kane County Health", "co.kane.il.us"),
    ],
)
def test_name_shows_in_the_domain(name, domain):
    assert is_name_in_domain(name, domain)


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("Rush Hospital", "crushmail.example"),
        ("Rush Hospital", "rushmore.example"),
        # Somebody else's domain, with the name before it.
        ("Rush Hospital", "rush.hosted-mail.example"),
        ("Community Health Center", "communityhealth.example"),
        ("University of Chicago", "chicago.example"),
        ("Chicago Hospital", "chicagohospital.org"),
        ("Ab Cd", "abcdef.example"),
        ("Loop Clinic", "lc.example"),
        ("!", "x.example"),
        (" ".join(["aa aaa"] * 20), f"{'a' * 62}b.example"),
        ("Rush", ""),
    ],
)
def test_name_does_not_show_by_chance(name, domain):
    assert not is_name_in_domain(name, domain)


@pytest.mark.both_databases
def test_evidence_is_two_people_who_wait_at_the_domain(unclear, organization, member):
    assert "nobody who is waiting has an address there" in evidence(unclear).reason
    make_member("una@lvh-mail.example", unclear, confirmed=False)
    # At other domains, confirmed, for another organization, closed.
    make_member("uma@not-lvh-mail.example", unclear, confirmed=False)
    make_member("ute@lvh-mail.example", unclear)
    make_member("udo@lvh-mail.example", organization, confirmed=False)
    closed = make_member("ugo@lvh-mail.example", unclear, confirmed=False)
    Member.objects.filter(pk=closed.pk).update(is_active=False)
    weak = evidence(unclear)
    assert not weak.is_good
    assert weak.reason.startswith("Not checked: only one person who is waiting has")
    make_member("ulf@hr.lvh-mail.example", unclear, confirmed=False)
    good = evidence(unclear)
    assert good.is_good
    assert good.reason == "Checked because two of those waiting use it."


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("suggested", "sentence"),
    [
        (
            "lakeview.rush.example",
            "lakeview.rush.example is below rush.example of Rush Example Hospital. It takes its "
            "addresses out of that one.",
        ),
        (
            "lakeview.example",
            "clinic.lakeview.example of Rush Example Hospital is below lakeview.example and "
            "keeps its addresses.",
        ),
    ],
)
def test_evidence_is_not_good_beside_a_domain_of_another_organization(
    organization, suggested, sentence
):
    EmailDomain.objects.create(domain="clinic.lakeview.example", organization=organization)
    lakeview = Organization.objects.create(name="Lakeview", suggested_domain=suggested)
    assert not evidence(lakeview).is_good
    assert sentence in evidence(lakeview).reason
    EmailDomain.objects.update(organization=lakeview)
    assert "is below" not in evidence(lakeview).reason


@pytest.mark.parametrize(
    ("suggested", "meant"), [("rsuh.example", "rush.example"), ("comcst.net", "comcast.net")]
)
def test_evidence_is_not_good_where_the_domain_may_be_a_typo(organization, suggested, meant):
    rush = Organization.objects.create(name=suggested, suggested_domain=suggested)
    for name in ("una", "uma"):
        make_member(f"{name}@{suggested}", rush, confirmed=False)
    why = f"Not checked: it looks like {meant} and may be a typo. Check the box only if you know"
    assert not evidence(rush).is_good
    assert evidence(rush).reason.startswith(why)


def test_desk_ticks_the_domain_only_with_good_evidence(client_for, facilitator, unclear, team):
    make_member("una@lvh-mail.example", unclear, "Una", confirmed=False)
    client = client_for(facilitator)
    box = f"domain_{unclear.pk}"
    url = f"/admin/members/organization/{unclear.pk}/"
    page = client.get(f"{url}recognize/")
    assert page.context["form"][box].initial is False
    assert "Not checked: only one person who is waiting has an address there" in visible_text(page)
    assert "Everyone who verifies an address there is confirmed, now and" in visible_text(page)
    record = visible_text(client.get(f"{url}change/"))
    assert "Recognize without lvh-mail.example" in record
    assert "Not checked: only one person who is waiting has an address there" in record
    today = client.get("/admin/")
    assert f'name="{box}" form=' in today.content.decode()
    assert "Not checked: only one person" in visible_text(today)
    make_member("ulf@lvh-mail.example", unclear, confirmed=False)
    assert client.get(f"{url}recognize/").context["form"][box].initial is True
    today = client.get("/admin/")
    assert f'name="{box}" checked form=' in today.content.decode()
    assert "Checked because two of those waiting use it." in visible_text(today)
