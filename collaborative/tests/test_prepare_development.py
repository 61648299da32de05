"""The command behind `make run`: never outside development, and as often as one likes."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from members.models import Member
from teams.models import ActionTeam


@pytest.mark.django_db
def test_prepare_development_is_refused_outside_development():
    with pytest.raises(CommandError, match="development only"):
        call_command("prepare_development")
    assert not Member.objects.exists()


@pytest.mark.django_db
def test_prepare_development_adds_one_administrator_and_says_where_to_look(settings, capsys):
    settings.DEBUG = True
    for _ in range(2):
        call_command("prepare_development")
    person = Member.objects.get(email="admin@example.org")
    assert person.is_superuser
    assert person.is_staff
    assert ActionTeam.objects.count() == 3
    output = capsys.readouterr().out
    assert settings.SITE_URL + reverse("dev_email") in output
    assert "admin@example.org" in output
