"""Addresses of everything about teams."""

from django.urls import path

from teams.views import joining, meetings, moving, my, public, questions

urlpatterns = [
    path("teams/", public.team_list, name="team_list"),
    path("teams/<slug:slug>/", public.team_detail, name="team_detail"),
    path("teams/<slug:slug>/join/", my.team_join, name="team_join"),
    path("teams/<slug:slug>/leave/", my.team_leave, name="team_leave"),
    path("teams/<slug:slug>/withdraw/", my.team_withdraw, name="team_withdraw"),
    path("teams/<slug:slug>/members/", my.team_roster, name="team_roster"),
    path("faq/", public.faq_list, name="faq_list"),
    path("faq/ask/", questions.question_ask, name="question_ask"),
    path("faq/ask/done/", questions.question_done, name="question_done"),
    path("faq/<slug:slug>/", public.faq_detail, name="faq_detail"),
    path("meetings/", meetings.meeting_list, name="meeting_list"),
    path("meetings/<slug:slug>/", meetings.meeting_detail, name="meeting_detail"),
    path("organizations/", public.organization_list, name="organization_list"),
    path("organizations/check/", public.organization_check, name="organization_check"),
    path("join/", joining.join, name="join"),
    path("join/code/", joining.join_code, name="join_code"),
    path("join/code/new/", joining.join_code_new, name="join_code_new"),
    path("join/code/correct/", joining.join_code_correct, name="join_code_correct"),
    path("join/organization/", joining.join_organization, name="join_organization"),
    path("join/done/", joining.join_done, name="join_done"),
    path("my/", my.my_teams, name="my_teams"),
    path("my/profile/", my.my_profile, name="my_profile"),
    path("my/move/", moving.my_move, name="my_move"),
    path("my/move/code/", moving.my_move_code, name="my_move_code"),
    path("my/move/code/new/", moving.my_move_code_new, name="my_move_code_new"),
    path("my/move/code/correct/", moving.my_move_code_correct, name="my_move_code_correct"),
    path("my/move/confirm/", moving.my_move_confirm, name="my_move_confirm"),
    path("sign-in/move/", moving.account_recover, name="account_recover"),
    path("sign-in/move/code/", moving.account_recover_code, name="account_recover_code"),
    path(
        "sign-in/move/code/new/",
        moving.account_recover_code_new,
        name="account_recover_code_new",
    ),
    path(
        "sign-in/move/code/correct/",
        moving.account_recover_code_correct,
        name="account_recover_code_correct",
    ),
    path("sign-in/move/done/", moving.account_recover_done, name="account_recover_done"),
    path("moved/<str:token>/", moving.move_objection, name="move_objection"),
    path("my/data/", my.my_data, name="my_data"),
    path("my/data/download/", my.my_data_download, name="my_data_download"),
    path("my/data/close/", my.my_account_close, name="my_account_close"),
]
