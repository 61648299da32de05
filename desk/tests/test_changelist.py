"""What holds for every list of the desk."""

import pytest
from django.contrib import admin

from desk.changelist import parse_pk
from members.models import Member, Organization

DOMAINS = "/admin/members/emaildomain/"
ORGANIZATIONS = "/admin/members/organization/"
NO_KEYS = ["", "x", "1 or 1=1", "-1", "1.5", "٣", "9" * 19]


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_desk_admin_deletes_nothing(client_for, administrator, rf, model):
    request = rf.get("/")
    request.user = administrator
    desk_list = admin.site.get_model_admin(model)
    assert not desk_list.has_delete_permission(request)
    assert "delete_selected" not in desk_list.get_actions(request)


def test_delete_page_is_refused_even_to_an_administrator(client_for, administrator, organization):
    path = f"{ORGANIZATIONS}{organization.pk}/delete/"
    assert client_for(administrator).post(path, {"post": "yes"}).status_code == 403
    assert Organization.objects.filter(pk=organization.pk).exists()


def test_delete_action_that_is_forged_does_nothing(client_for, administrator, organization):
    chosen = {"action": "delete_selected", "_selected_action": [organization.pk], "post": "yes"}
    client_for(administrator).post(ORGANIZATIONS, chosen)
    assert Organization.objects.filter(pk=organization.pk).exists()


@pytest.mark.parametrize(
    ("text", "pk"), [("7", 7), ("9" * 18, int("9" * 18)), *((text, None) for text in NO_KEYS)]
)
def test_parse_pk_accepts_only_numbers_that_fit_a_column(text, pk):
    assert parse_pk(text) == pk


def test_changelist_refuses_forged_keys(client_for, administrator, organization):
    client = client_for(administrator)
    for forged in NO_KEYS:
        chosen = {"action": "recognize", "_selected_action": [forged]}
        assert client.post(ORGANIZATIONS, chosen).status_code == 400, forged


@pytest.mark.parametrize("path", ["nonsense/change/", "999999/change/", "999999/history/"])
def test_record_that_does_not_exist_is_not_found(client_for, administrator, path):
    assert client_for(administrator).get(ORGANIZATIONS + path).status_code == 404


def test_desk_permissions_follow_the_stored_account(client_for, facilitator):
    client = client_for(facilitator)
    assert client.get(DOMAINS).status_code == 200
    Member.objects.filter(pk=facilitator.pk).update(is_staff=False)
    assert client.get(DOMAINS).status_code == 403


@pytest.mark.parametrize(
    "filtered",
    [
        "teams/membership/?status__exact=%00",
        "members/move/?state__exact=a%00",
        "desk/import/?x=%00",
    ],
)
def test_list_of_a_filter_with_a_zero_character_is_the_whole_list(
    client_for, administrator, filtered
):
    response = client_for(administrator).get(f"/admin/{filtered}")
    assert (response.status_code, response["Location"].partition("?")[2]) == (302, "e=1")
