"""The desk's lists about members: email domains, emails, and what holds for every list."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib import admin
from django.utils import timezone
from post_office.models import STATUS, Email

from conftest import make_member, membership_of, visible_text
from desk.changelist import parse_pk
from members.models import EmailDomain, Member, Organization
from members.services import decline_organization, save_with_history
from teams.models import Goal
from teams.services import join_teams

DOMAINS = "/admin/members/emaildomain/"
MAILS = "/admin/post_office/email/"
ORGANIZATIONS = "/admin/members/organization/"
NO_KEYS = ["", "x", "1 or 1=1", "-1", "1.5", "٣", "9" * 19]


def messages_of(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_nobody_deletes_anything(client_for, administrator, rf, model):
    request = rf.get("/")
    request.user = administrator
    desk_list = admin.site.get_model_admin(model)
    assert not desk_list.has_delete_permission(request)
    assert "delete_selected" not in desk_list.get_actions(request)


def test_delete_page_is_refused_even_to_an_administrator(client_for, administrator, organization):
    path = f"{ORGANIZATIONS}{organization.pk}/delete/"
    assert client_for(administrator).post(path, {"post": "yes"}).status_code == 403
    assert Organization.objects.filter(pk=organization.pk).exists()


def test_forged_delete_action_does_nothing(client_for, administrator, organization):
    chosen = {"action": "delete_selected", "_selected_action": [organization.pk], "post": "yes"}
    client_for(administrator).post(ORGANIZATIONS, chosen)
    assert Organization.objects.filter(pk=organization.pk).exists()


@pytest.mark.parametrize(
    ("text", "pk"), [("7", 7), ("9" * 18, int("9" * 18)), *((text, None) for text in NO_KEYS)]
)
def test_parse_pk_accepts_only_numbers_that_fit_a_column(text, pk):
    assert parse_pk(text) == pk


@pytest.mark.parametrize("forged", NO_KEYS)
def test_ids_that_are_no_numbers_are_a_bad_request(client_for, administrator, organization, forged):
    chosen = {"action": "recognize", "_selected_action": [forged]}
    assert client_for(administrator).post(ORGANIZATIONS, chosen).status_code == 400


@pytest.mark.parametrize("path", ["nonsense/change/", "999999/change/", "999999/history/"])
def test_records_that_are_not_there_are_not_found(client_for, administrator, path):
    assert client_for(administrator).get(ORGANIZATIONS + path).status_code == 404


def test_history_of_a_row_that_is_gone_is_not_found(client_for, administrator, organization):
    domain = organization.domains.get()
    pk = domain.pk
    domain.delete()
    assert EmailDomain.history.filter(id=pk).exists()
    assert client_for(administrator).get(f"{DOMAINS}{pk}/history/").status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_old_versions_have_no_page_that_could_write_them_back(
    client_for, administrator, organization, method
):
    version = organization.history.latest()
    path = f"{ORGANIZATIONS}{organization.pk}/history/{version.history_id}/"
    sent = {"name": "Written back"} if method == "post" else {}
    response = getattr(client_for(administrator), method)(path, sent, follow=True)
    assert response.status_code == 404
    organization.refresh_from_db()
    assert organization.name == "Rush Example Hospital"


def test_history_says_who_when_what_and_why(client_for, facilitator, organization):
    client = client_for(facilitator)
    path = f"{ORGANIZATIONS}{organization.pk}/change/"
    client.post(path, {"name": "Rush Example Medical Center"})
    told = visible_text(client.get(f"{ORGANIZATIONS}{organization.pk}/history/"))
    assert "Fay Facilitator changed at the desk" in told
    assert "Name: Rush Example Hospital → Rush Example Medical Center" in told
    assert "Ada Admin added as recognized" in told


def test_history_calls_an_administrator_by_the_portals_word(client_for, administrator, facilitator):
    facilitator.is_superuser = True
    facilitator.save()
    told = visible_text(
        client_for(administrator).get(f"/admin/members/member/{facilitator.pk}/history/")
    )
    assert "Administrator: no → yes" in told
    assert "uperuser" not in told


def history_of(client, row) -> str:
    meta = row._meta
    return visible_text(client.get(f"/admin/{meta.app_label}/{meta.model_name}/{row.pk}/history/"))


def test_history_tells_the_reason_of_what_was_declined(client_for, facilitator, applicant, team):
    reason = "We could not find out which organization this is. " * 5
    decline_organization(applicant.organization, reason=reason, by=facilitator)
    client = client_for(facilitator)
    for row in (applicant.organization, membership_of(applicant, team)):
        told = history_of(client, row)
        assert f"declined Reason: {reason.strip()}" in told
        assert told.count("Reason:") == 1


def test_history_tells_choices_dates_and_nothing_in_words(client_for, facilitator, goal):
    changes = {"state": "at_risk", "state_reason": "Too few.", "due_on": date(2026, 3, 5)}
    save_with_history(goal, facilitator, "changed", **changes)
    told = history_of(client_for(facilitator), goal)
    assert "State: No update yet → At risk" in told
    assert "Why it is at risk: not given → Too few." in told
    assert "By: not given → March 5, 2026" in told
    assert "None" not in told


def test_history_tells_times_in_one_format(client_for, facilitator, goal):
    Goal.history.update(history_date=datetime(2026, 11, 23, 15, 48, tzinfo=UTC))
    assert "November 23, 2026, 9:48 a.m." in history_of(client_for(facilitator), goal)


def test_history_calls_an_empty_reference_not_given(client_for, administrator, organization):
    nora = make_member("nora@rush.example", name="Nora")
    save_with_history(nora, nora, "named the organization", organization=organization)
    told = history_of(client_for(administrator), nora)
    assert "Organization: not given → Rush Example Hospital" in told
    assert "Deleted" not in told


def test_history_names_who_facilitates(client_for, administrator, facilitator, team):
    told = history_of(client_for(administrator), team)
    assert "Facilitators: nobody → Fay Facilitator" in told


def test_history_hides_lines_that_show_nothing(client_for, administrator, organization):
    organization = Organization.objects.get(pk=organization.pk)
    organization.save()
    organization.decision_reason = "Wrong."
    organization.save()
    assert organization.history.count() == 3
    response = client_for(administrator).get(f"{ORGANIZATIONS}{organization.pk}/history/")
    silent = [version.is_empty for version in response.context["page_obj"]]
    assert silent == [False, True, False]
    told = visible_text(response)
    assert "changed Reason: Wrong." in told
    assert told.count("changed") == 1


def test_history_keeps_lines_with_a_reason_and_the_first(client_for, administrator, organization):
    save_with_history(organization, administrator, "looked at")
    told = history_of(client_for(administrator), organization)
    assert "Ada Admin looked at" in told
    assert "Ada Admin added as recognized" in told


def test_history_of_a_renamed_organization_tells_its_name_once(
    client_for, administrator, organization
):
    save_with_history(organization, administrator, "renamed", name="Rush & Sons <b>")
    response = client_for(administrator).get(f"{ORGANIZATIONS}{organization.pk}/history/")
    assert "ormalized" not in visible_text(response)
    assert "Rush &amp; Sons &lt;b&gt;" in response.content.decode()


# Email domains ------------------------------------------------------------------------------


def test_domain_is_added_and_releases_who_waits_at_it(
    client_for, facilitator, organization, team, mails
):
    una = make_member("una@rush-clinics.example", organization, "Una", confirmed=False)
    join_teams(una, [team])
    typed = {"organization": organization.name, "domain": "@Rush-Clinics.example"}
    response = client_for(facilitator).post(f"{DOMAINS}add/", typed, follow=True)
    assert "1 person at rush-clinics.example confirmed." in messages_of(response)
    added = EmailDomain.objects.get(domain="rush-clinics.example")
    assert added.history.get().history_user == facilitator
    assert membership_of(una, team).is_active
    assert mails()[-1].to == [una.email]


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        ("gmail.com", "public mailbox provider"),
        ("loop.example", "already belongs to an organization"),
        ("nodots", "Enter an email domain"),
        ("@", "Enter an email domain"),
        ("", "Enter the domain"),
    ],
)
def test_domain_that_cannot_be_an_organizations_is_refused_with_the_form(
    client_for, facilitator, organization, other_organization, domain, said
):
    typed = {"organization": organization.name, "domain": domain}
    response = client_for(facilitator).post(f"{DOMAINS}add/", typed)
    form = response.context["adminform"].form
    assert said in visible_text(response)
    assert (len(form.errors), len(form.errors["domain"])) == (1, 1)
    assert form["domain"].value() == domain
    assert EmailDomain.objects.count() == 2


def test_domain_of_no_known_organization_is_refused_and_what_was_typed_stays(
    client_for, facilitator
):
    typed = {"organization": "Nowhere <Clinic>", "domain": "nowhere.example"}
    response = client_for(facilitator).post(f"{DOMAINS}add/", typed)
    assert "No organization has this name." in visible_text(response)
    assert response.context["adminform"].form["organization"].value() == "Nowhere <Clinic>"
    assert not EmailDomain.objects.filter(domain="nowhere.example").exists()


def test_domain_is_not_changed_afterwards(client_for, administrator, organization):
    domain = organization.domains.get()
    path = f"{DOMAINS}{domain.pk}/change/"
    assert client_for(administrator).post(path, {"domain": "other.example"}).status_code == 403
    domain.refresh_from_db()
    assert domain.domain == "rush.example"


def test_domains_are_found_by_organization(
    client_for, facilitator, organization, other_organization
):
    response = client_for(facilitator).get(DOMAINS + "?q=Loop")
    assert [row.domain for row in response.context["cl"].result_list] == ["loop.example"]


# Emails -------------------------------------------------------------------------------------


@pytest.fixture
def mail(db) -> Email:
    return Email.objects.create(
        from_email="portal@example.org",
        to=["maria@rush.example"],
        subject="You are in",
        message="Secret text",
        status=STATUS.queued,
    )


def test_mail_list_is_for_administrators(client_for, facilitator, mail):
    client = client_for(facilitator)
    assert client.get(MAILS).status_code == 403
    assert MAILS not in client.get("/admin/").content.decode()


def test_mail_list_shows_what_went_where_and_never_the_text(client_for, administrator, mail):
    said = visible_text(client_for(administrator).get(MAILS))
    assert "maria@rush.example You are in Queued 0 none" in said
    assert "Secret" not in said


def test_mail_list_tells_tries_and_the_last_code_never_the_reply(client_for, administrator, mail):
    Email.objects.update(status=STATUS.requeued, number_of_retries=2)
    for answer in ("SMTPServerDisconnected", "SMTPDataError 451 4.3.0"):
        mail.logs.create(status=STATUS.failed, exception_type=answer, message="Secret reply")
    mail.logs.create(status=STATUS.queued, message="Queued anew by member 1")
    said = visible_text(client_for(administrator).get(MAILS))
    assert "To be tried again 2 SMTPDataError 451 4.3.0" in said
    assert "Secret" not in said


@pytest.mark.parametrize(("status", "found"), [("2", 1), ("1", 0), ("x", 1), ("9", 1)])
def test_mail_list_is_filtered_by_status(client_for, administrator, mail, status, found):
    changes = client_for(administrator).get(MAILS, {"status__exact": status}).context["cl"]
    assert changes.result_count == found


def test_mail_list_hides_the_subject_of_a_code(client_for, administrator, mail):
    Email.objects.update(subject="BCDFGH is your code", expires_at=timezone.now() + timedelta(1))
    said = visible_text(client_for(administrator).get(MAILS))
    assert "Sign-in code" in said
    assert "BCDFGH" not in said


@pytest.mark.parametrize("query", ["?q=BCDFGH", "?q=Secret"])
def test_mail_search_answers_no_question_about_text_or_subject(
    client_for, administrator, mail, query
):
    Email.objects.update(subject="BCDFGH is your code")
    assert client_for(administrator).get(MAILS + query).context["cl"].result_count == 0


@pytest.mark.parametrize("lookup", ["subject__startswith=B", "message__contains=S", "headers=1"])
def test_mail_filters_by_other_fields_are_refused(client_for, administrator, mail, lookup):
    assert client_for(administrator).get(f"{MAILS}?{lookup}").status_code == 400


def test_mail_is_filtered_by_status(client_for, administrator, mail):
    client = client_for(administrator)
    assert client.get(f"{MAILS}?status__exact={STATUS.sent}").context["cl"].result_count == 0
    assert client.get(f"{MAILS}?status__exact={STATUS.queued}").context["cl"].result_count == 1


@pytest.mark.parametrize("page", ["add/", "{pk}/change/", "{pk}/history/", "{pk}/delete/"])
def test_mail_has_no_page_of_its_own(client_for, administrator, mail, page):
    response = client_for(administrator).get(MAILS + page.format(pk=mail.pk), follow=True)
    assert response.status_code == 404


def test_desk_permissions_follow_the_stored_account(client_for, facilitator):
    client = client_for(facilitator)
    assert client.get(DOMAINS).status_code == 200
    Member.objects.filter(pk=facilitator.pk).update(is_staff=False)
    assert client.get(DOMAINS).status_code == 403
