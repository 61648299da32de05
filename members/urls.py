from django.urls import path

from members import views

urlpatterns = [
    path("sign-in/", views.account_login, name="account_login"),
    path("sign-in/code/", views.account_login_code, name="account_login_code"),
    path("sign-in/code/new/", views.account_login_code_new, name="account_login_code_new"),
    path("sign-out/", views.account_logout, name="account_logout"),
    path("my/profile/", views.my_profile, name="my_profile"),
]
