from django.urls import include, path
from django.views.generic import RedirectView

from members import views
from members.auth import second_factor

urlpatterns = [
    path("sign-in/", views.account_login, name="account_login"),
    path("sign-in/code/", views.account_login_code, name="account_login_code"),
    path("sign-in/code/new/", views.account_login_code_new, name="account_login_code_new"),
    path(
        "sign-in/code/correct/",
        views.account_login_code_correct,
        name="account_login_code_correct",
    ),
    path("sign-in/with/<slug:key>/", views.sso_start, name="sso_start"),
    path("sign-in/with/<slug:key>/done/", views.sso_callback, name="sso_callback"),
    path("logo/<slug:digest>.png", views.site_logo, name="site_logo"),
    path("sign-out/", views.account_logout, name="account_logout"),
    path("my/sessions/", views.my_sessions, name="my_sessions"),
    path("my/sessions/end-others/", views.my_sessions_end_others, name="my_sessions_end_others"),
    path("my/sessions/end-all/", views.my_sessions_end_all, name="my_sessions_end_all"),
    path("my/sessions/<int:pk>/end/", views.my_session_end, name="my_session_end"),
    # Of two routes to the same address the first one counts: ours stand before allauth's.
    path(
        "two-factor/authenticate/",
        second_factor.SignInSecondFactor.as_view(),
        name="mfa_authenticate",
    ),
    path(
        "two-factor/reauthenticate/",
        second_factor.ConfirmByCode.as_view(),
        name="mfa_reauthenticate",
    ),
    path(
        "two-factor/webauthn/login/",
        second_factor.SignInByPasskey.as_view(),
        name="mfa_login_webauthn",
    ),
    path("two-factor/totp/activate/", second_factor.SetUpApp.as_view(), name="mfa_activate_totp"),
    path(
        "two-factor/webauthn/",
        # Which lists the passkeys.
        RedirectView.as_view(pattern_name="mfa_index"),
        name="mfa_list_webauthn",
    ),
    path("two-factor/webauthn/add/", second_factor.SetUpPasskey.as_view(), name="mfa_add_webauthn"),
    path(
        "two-factor/webauthn/reauthenticate/",
        second_factor.ConfirmByPasskey.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
    path("two-factor/", include("allauth.mfa.urls")),
]
