"""Email domains at the desk: one that was given by mistake is taken back."""

import pytest

from conftest import visible_text
from members.models import EmailDomain
from members.services import Refused, remove_domain
from teams.services import complete_join

TAKE_BACK = "/admin/members/emaildomain/{}/take-back/"


def test_take_back_removes_the_domain_with_history(client_for, facilitator, member, organization):
    domain = organization.domains.get()
    client = client_for(facilitator)
    page = client.get(TAKE_BACK.format(domain.pk))
    assert "Those who are confirmed already stay confirmed" in visible_text(page)
    assert organization.domains.count() == 1
    response = client.post(TAKE_BACK.format(domain.pk), follow=True)
    assert "The email domain rush.example of Rush Example Hospital is taken back." in visible_text(
        response
    )
    gone = EmailDomain.history.filter(domain="rush.example").latest()
    assert (gone.history_type, gone.history_user) == ("-", facilitator)
    assert gone.history_change_reason == "taken back"
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
    with pytest.raises(Refused, match="taken back already"):
        remove_domain(same, by=facilitator)
