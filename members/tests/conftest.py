"""Requests that wait for a yes or no, a decision about them; services and caches of production."""

import pytest
from django.core.management import call_command
from django.db import connection
from post_office.models import Email

from conftest import membership_of
from members.models import Decision
from members.tests.decisions import approve_step, decide, process
from members.tests.oidc import provider_at, running_provider, running_scripted_provider
from teams.models import Membership
from teams.services import join_teams


@pytest.fixture
def shared_cache(settings, transactional_db):
    """The cache of production: the database, which all worker processes share."""
    settings.CACHES = settings.CACHES | {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "test_limits_cache",
        }
    }
    call_command("createcachetable")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE test_limits_cache")


@pytest.fixture
def requests(member, colleague, approval_team) -> list[Membership]:
    for person in (member, colleague):
        join_teams(person, [approval_team])
    Email.objects.all().delete()
    return [membership_of(member, approval_team), membership_of(colleague, approval_team)]


@pytest.fixture
def approved(requests, administrator) -> Decision:
    decision = decide(administrator, Membership, [row.pk for row in requests])
    assert process(decision, approve_step(administrator))
    return decision


@pytest.fixture(scope="session")
def issuer():
    with running_provider() as issuer:
        yield issuer


@pytest.fixture
def socialaccount_installed(settings):
    """Install the app that the settings add where a provider is set."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "allauth.socialaccount"]


@pytest.fixture
def rush(settings, socialaccount_installed, issuer):
    """Set one provider, a real one, and return it."""
    settings.SSO_PROVIDERS = {"rush": provider_at(issuer)}
    return settings.SSO_PROVIDERS["rush"]


@pytest.fixture
def scripted_provider(settings, socialaccount_installed):
    """Set one provider, whose responses the test writes."""
    with running_scripted_provider() as provider:
        settings.SSO_PROVIDERS = {"rush": provider_at(provider.issuer)}
        yield provider
