"""Requests that wait for a yes or no, and a decision about them."""

import pytest
from post_office.models import Email

from conftest import membership_of
from members.models import Decision
from members.tests.decisions import approve_step, decide, process
from members.tests.oidc import provider_at, running_liar, running_provider
from teams.models import Membership
from teams.services import join_teams


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
    with running_provider() as found:
        yield found


@pytest.fixture
def installed(settings):
    """What the settings add where a provider is set."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "allauth.socialaccount"]


@pytest.fixture
def rush(settings, installed, issuer):
    """One provider is set: a real one."""
    settings.SSO_PROVIDERS = {"rush": provider_at(issuer)}
    return settings.SSO_PROVIDERS["rush"]


@pytest.fixture
def liar(settings, installed):
    """One provider is set, which says what the test wants."""
    with running_liar() as found:
        settings.SSO_PROVIDERS = {"rush": provider_at(found.issuer)}
        yield found
