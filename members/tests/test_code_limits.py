"""Which limits a code counts for, and that none of them says who has an account."""

import re
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from collaborative.monitoring.status_page import State, open_codes_items
from conftest import visible_text
from members.auth.code_limits import CodeLimits, newcomer_limit, open_codes
from members.auth.rate_limits import TooManyRequestsError
from members.models import EmailDomain, Member, SentCode
from teams.tests.joining import JOIN, form, join

pytestmark = pytest.mark.django_db


def limit(settings, **rates: str) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | rates


def request_code(email: str, network: int = 1) -> HttpResponse:
    """Ask to sign in from a browser of its own."""
    return Client(REMOTE_ADDR=f"198.51.{network}.9").post("/sign-in/", {"email": email})


def newcomer(number: int, domain: str = "mail.example") -> str:
    return f"p{number}@{domain}"


# A whole hospital behind one address -----------------------------------------------------------


def test_recognized_addresses_have_a_budget_of_their_own(organization, settings):
    limit(settings, code="2/15m/ip", code_of_recognized="5/15m/ip")
    recognized = [request_code(newcomer(n, "staff.rush.example")).status_code for n in range(6)]
    assert recognized == [302] * 5 + [429]
    others = [request_code(newcomer(n)).status_code for n in range(3)]
    assert others == [302] * 2 + [429]
    assert request_code(newcomer(9, "rush.example"), network=2).status_code == 302


def test_recognized_budget_is_for_recognized_organizations_only(proposed_organization, settings):
    EmailDomain.objects.create(organization=proposed_organization, domain="lakeview.example")
    limit(settings, code="2/15m/ip", code_of_recognized="5/15m/ip")
    responses = [request_code(newcomer(n, "lakeview.example")).status_code for n in range(3)]
    assert responses == [302] * 2 + [429]


def test_recognized_codes_can_be_entered_too(settings):
    """Each of them, with a wrong try."""
    tries = int(settings.RATE_LIMITS["code_try"].partition("/")[0])
    assert tries >= 2 * settings.RECOGNIZED_CODES_PER_NETWORK


def test_recognized_budget_is_that_of_the_setting(settings):
    amount = settings.RECOGNIZED_CODES_PER_NETWORK
    assert settings.RATE_LIMITS["code_of_recognized"].startswith(f"{amount}/15m/ip")
    assert amount > int(settings.RATE_LIMITS["code"].partition("/")[0])


def test_made_up_addresses_at_a_recognized_domain_have_a_limit(
    organization, settings, queued_emails
):
    """In each network, and over all of them."""
    limit(settings, code_of_recognized="3/15m/ip")
    settings.RECOGNIZED_CODES_PER_NETWORK = 1
    for network in range(4):
        for number in range(4):
            request_code(newcomer(10 * network + number, "rush.example"), network)
    assert len(queued_emails()) == 4


# The brake ---------------------------------------------------------------------------------


@pytest.fixture
def brake(settings) -> None:
    """Newcomers get four codes, and those of recognized organizations as many."""
    settings.RECOGNIZED_CODES_PER_NETWORK = 1


@pytest.fixture
def unaffiliated(db) -> Member:
    """Someone with an account whose domain is no organization's."""
    return Member.objects.create_user("una@mail.example", full_name="Una Unaffiliated")


def request_codes(number: int) -> None:
    """Ask for codes to made-up addresses, each from another network."""
    responses = [request_code(newcomer(n), network=n + 50).status_code for n in range(number)]
    assert set(responses) == {302}


def test_brake_holds_over_all_networks_and_leaves_members_alone(brake, member, queued_emails):
    request_codes(6)
    assert [email.to for email in queued_emails()] == [[newcomer(n)] for n in range(4)]
    assert request_code(member.email).status_code == 302
    assert queued_emails()[-1].to == [member.email]


def test_brake_leaves_room_for_newcomers_of_the_other_kind(brake, organization, queued_emails):
    request_codes(9)
    for number in range(6):
        request_code(newcomer(number, "rush.example"))
    assert len(queued_emails()) == 8


def test_brake_does_not_count_codes_that_were_entered(brake, team):
    for number in range(2):
        join(Client(), team, email=newcomer(number))
    assert open_codes(is_recognized=False).count() == 0


@pytest.mark.parametrize("minutes", [-16, 1, 60])
def test_brake_counts_nothing_older_nor_of_a_clock_that_went_back(brake, queued_emails, minutes):
    request_codes(4)
    SentCode.objects.update(expires_at=F("expires_at") + timedelta(minutes=minutes))
    request_codes(3)
    assert len(queued_emails()) == 7


def seen(email: str) -> tuple[int, str, list[str], str]:
    """What a stranger sees who asks for a code and reads the next page, without the address."""
    client = Client(REMOTE_ADDR="203.0.113.9")
    response = client.post("/sign-in/", {"email": email})
    page = client.get("/sign-in/code/")
    again = client.post("/sign-in/code/new/")
    changing = r'name="csrfmiddlewaretoken" value="\w+"|<time datetime=.+?</time>'
    text = re.sub(changing, "", page.content.decode())
    return (
        response.status_code,
        text.replace(email, "(address)"),
        sorted(response.cookies),
        again["Location"],
    )


def test_brake_shows_a_stranger_nothing_of_who_has_an_account(brake, unaffiliated):
    assert seen(unaffiliated.email) == seen(newcomer(90))
    request_codes(4)
    assert seen(unaffiliated.email) == seen(newcomer(91))


@pytest.mark.parametrize("requested", [3, 6])
def test_brake_counts_an_address_whether_it_has_an_account_or_not(brake, unaffiliated, requested):
    """Or someone could fill all but one place, ask for a code to an address, and then look whether
    the brake holds; and look when it does no more."""
    request_codes(requested)
    before = open_codes(is_recognized=False).count()
    request_code(unaffiliated.email)
    assert open_codes(is_recognized=False).count() == before + 1
    request_code(newcomer(90))
    assert open_codes(is_recognized=False).count() == before + 2


def statements(email: str) -> list[str]:
    """The kinds of statements that a code to the address costs. A row of the cache may be there
    already, and each savepoint has a name."""
    with CaptureQueriesContext(connection) as queries:
        assert request_code(email).status_code == 302
    words = [re.sub('"s[0-9_x]+"', "", query["sql"]).split()[:3] for query in queries]
    kinds = [" ".join(each) for each in words]
    return [re.sub("(INSERT INTO|UPDATE) .*cache.*", "write to the cache", each) for each in kinds]


def test_brake_does_the_same_work_for_a_member_and_for_a_stranger(
    brake, unaffiliated, shared_cache
):
    """Time would tell, too."""
    of_member = statements(unaffiliated.email)
    assert statements(newcomer(90)) == of_member
    request_codes(3)
    of_member, of_stranger = statements(unaffiliated.email), statements(newcomer(91))
    assert not Counter(of_member) - Counter(of_stranger)
    taken_back = Counter(of_stranger) - Counter(of_member)
    assert list(taken_back) == ["ROLLBACK TO SAVEPOINT"]


def test_code_costs_one_statement_for_the_domain_and_one_for_the_brake(brake, rf):
    limits = CodeLimits(rf.post("/", REMOTE_ADDR="203.0.113.9"), newcomer(0))
    with CaptureQueriesContext(connection) as queries, limits.counted():
        assert limits.may_be_sent()
    assert len(queries) == 2


def test_brake_tells_everybody_who_joins(brake, member, unaffiliated, team, organization):
    """Whether the address has an account or not; and not where the organization is recognized."""
    request_codes(4)
    for email in (unaffiliated.email, newcomer(90)):
        response = Client().post(JOIN, form(team, email=email))
        assert response.status_code == 429
        assert "Wait a little" in visible_text(response)
        assert 0 < int(response["Retry-After"]) <= 15 * 60
    for number in range(4):
        email = newcomer(number, "rush.example")
        assert Client().post(JOIN, form(team, email=email)).status_code == 302
    for email in (member.email, newcomer(92, "rush.example")):
        assert Client().post(JOIN, form(team, email=email)).status_code == 429


@pytest.mark.parametrize("action", ["code", "code_of_recognized"])
def test_brake_of_the_settings_takes_several_networks(settings, action):
    amount = int(settings.RATE_LIMITS[action].partition("/")[0])
    assert newcomer_limit() >= 4 * amount


def test_brake_is_on_the_status_page(brake, client_for, administrator, organization):
    browser = client_for(administrator)
    request_code(newcomer(0, "rush.example"))
    page = visible_text(browser.get("/admin/status/"))
    assert "1 not entered yet, newcomers get no more from 4 on" in page
    assert {item.state for item in open_codes_items()} == {State.GOOD}
    request_codes(5)
    page = visible_text(browser.get("/admin/status/"))
    assert "Open codes, others: 5 not entered yet, newcomers get no more." in page
    assert "Members sign in as before" in page
    assert [item.state for item in open_codes_items()] == [State.GOOD, State.ATTENTION]


def test_codes_are_counted_before_anything_is_done(rf, settings):
    limit(settings, code="1/15m/ip")
    request = rf.post("/", REMOTE_ADDR="203.0.113.9")
    done = []
    with CodeLimits(request, newcomer(0)).counted():
        done.append(0)
    with pytest.raises(TooManyRequestsError), CodeLimits(request, newcomer(1)).counted():
        done.append(1)
    assert done == [0]
