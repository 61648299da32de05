"""Statistics at the desk: the report, the coverage grid, and numbers that agree with lists."""

import html
import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from conftest import make_member, membership_of, visible_text
from desk.models import Export
from desk.reports.views import PeriodForm, dashboard_charts
from desk.tests.action_pages import listed
from desk.tests.crawl import kind_of_page
from members.models import Organization
from teams.models import Attendance, Goal, Membership
from teams.services import Waiting, add_organization, join_teams
from teams.tests.meetings import make_meeting

REPORT = "/admin/report/"
COVERAGE = "/admin/coverage/"
EXPORT = "/admin/coverage/export/"
MEMBERSHIPS = "/admin/teams/membership/"
ORGANIZATIONS = "/admin/members/organization/"
CHICAGO = timezone.get_default_timezone()
PAGES = [REPORT, COVERAGE]


@pytest.fixture
def past(member, colleague, outsider, team, other_team, facilitator, organization) -> None:
    """Joins, ends and decisions of spring 2026, in both teams."""
    march = datetime(2026, 3, 5, 12, tzinfo=CHICAGO)
    for number in range(7):
        person = make_member(f"p{number}@rush.example", organization, f"Person {number}")
        where = [team, team, other_team][number % 3]
        fields = {"requested_at": march, "decided_at": march.replace(hour=12 + number)}
        if number == 0:
            fields |= {"origin": "added"}  # nobody had requested it
        if number > 4:
            fields |= {"status": "ended", "ended_at": march.replace(month=4)}
        Membership.objects.create(
            member=person, team=where, decided_by=facilitator, **{"status": "active", **fields}
        )


def linked_numbers(response) -> list[tuple[int, str]]:
    """Each number of a table with the list that it links to."""
    page = response.content.decode()
    links = re.findall(r'<td data-label="[^"]+">(?:<span>)?<a href="([^"]+)">([\d,]+)</a>', page)
    return [(int(number.replace(",", "")), html.unescape(url)) for url, number in links]


# What was achieved ------------------------------------------------------------------


def test_report_lists_goals_with_their_numbers_and_what_was_reported(
    client_for, facilitator, goal, other_team
):
    Goal.objects.filter(pk=goal.pk).update(target=70, unit="%")
    Goal.objects.create(team=other_team, slug="x", title="Of another team")
    for month, value, state in [(1, 41, "on_track"), (3, 58, "at_risk"), (6, 69, "reached")]:
        goal.updates.create(
            state=state,
            value=value,
            sentence=f"Report of month {month}",
            reported_at=datetime(2026, month, 5, 12, tzinfo=CHICAGO),
        )
    client = client_for(facilitator)
    text = visible_text(client.get(f"{REPORT}?from=2026-02&to=2026-05"))
    section = text[text.index("Goals in February to May 2026") :]
    assert "At risk 58% of 70% 41% before March 5, 2026: Report of month 3. Meetings" in section
    assert "Report of month 1" not in text
    assert "Report of month 6" not in text
    assert "Of another team" not in text
    before = visible_text(client.get(f"{REPORT}?from=2025-02&to=2025-05"))
    assert "No update yet none yet, of 70% nothing" in before


# Each number is the length of its list ----------------------------------------------


@pytest.mark.parametrize("who", ["facilitator", "administrator"])
def test_statistics_agree_with_the_lists_behind_them(
    request, client_for, past, applicant, goal, today_charts, who
):
    client = client_for(request.getfixturevalue(who))
    # Of the numbers that lead to lists with the same filters, the largest.
    largest: dict[str, tuple[int, str]] = {}
    for path in ("/admin/", f"{REPORT}?from=2026-02&to=2026-05", COVERAGE):
        linked = linked_numbers(client.get(path))
        assert len(linked) >= (1 if path == COVERAGE else 5)
        for number, url in linked:
            kind = kind_of_page(url)
            largest[kind] = max((number, url), largest.get(kind, (0, url)))
    assert len(largest) > 5
    for number, url in largest.values():
        assert client.get(url).context["cl"].result_count == number, url


def test_report_of_a_facilitator_counts_their_own_teams_only(
    client_for, facilitator, administrator, past, outsider, other_team
):
    path = f"{REPORT}?from=2026-03&to=2026-04"
    own_teams, all_teams = client_for(facilitator).get(path), client_for(administrator).get(path)
    assert "March to April 2026: 5 joined and 1 ended" in visible_text(own_teams)
    assert "March to April 2026: 7 joined and 2 ended" in visible_text(all_teams)
    assert "of 6 requests that a person decided, half were within 4 hours" in visible_text(
        all_teams
    )
    assert other_team.name not in visible_text(own_teams)
    assert outsider.organization.name not in visible_text(own_teams)


def test_report_does_not_count_goals_of_other_teams(client_for, facilitator, goal, other_team):
    Goal.objects.create(team=other_team, slug="x", title="X", state="reached")
    assert "0 of 1 goal reached, 0 at risk" in visible_text(client_for(facilitator).get(REPORT))


def test_coverage_leaves_out_other_teams(client_for, facilitator, outsider, team, other_team):
    page = client_for(facilitator).get(COVERAGE)
    assert team.name in visible_text(page)
    assert other_team.name not in visible_text(page)


# Coverage ---------------------------------------------------------------------------------------


def test_coverage_shows_members_and_since_when(client_for, administrator, member, colleague, team):
    joined = datetime(2026, 3, 3, tzinfo=CHICAGO)
    Membership.objects.of(member).update(decided_at=joined)
    assert "Rush Example Hospital 2 since Mar 3, 2026" in visible_text(
        client_for(administrator).get(COVERAGE)
    )


def test_coverage_filters_organizations_with_no_one_on_a_team(
    client_for, facilitator, member, other_organization, team
):
    page = client_for(facilitator).get(COVERAGE, {"without": team.slug})
    assert [row.name for row in page.context["rows"]] == [other_organization.name]
    assert "1 organization with no one on Education" in visible_text(page)


@pytest.mark.parametrize("slug", ["hiring", "x\x00"])
def test_coverage_does_not_find_other_teams(client_for, facilitator, other_team, slug):
    client = client_for(facilitator)
    assert client.get(COVERAGE, {"without": slug}).status_code == 404
    assert client.post(f"{EXPORT}?without={slug}", {"format": "csv"}).status_code == 404
    assert not Export.objects.exists()


@pytest.mark.parametrize("number", ["0", "99", "x"])
def test_coverage_shows_the_nearest_page(client_for, facilitator, member, number):
    assert client_for(facilitator).get(COVERAGE, {"page": number}).context["page"].number == 1


def test_coverage_has_pages(client_for, administrator, member, monkeypatch):
    monkeypatch.setattr("desk.reports.views.ORGANIZATIONS_PER_PAGE", 1)
    add_organization("Zoo Hospital", domains=[], by=administrator)
    page = client_for(administrator).get(COVERAGE, {"page": "2"})
    assert [row.name for row in page.context["rows"]] == ["Zoo Hospital"]
    assert "Page 2 of 2" in visible_text(page)


def test_coverage_export_has_no_formulas_and_is_logged(
    client_for, administrator, member, team, organization
):
    organization.name = '=HYPERLINK("http://bad.example")'
    organization.save()
    team.name = "=1;+1"
    team.save()
    Membership.objects.of(member).update(decided_at=datetime(2026, 3, 3, tzinfo=CHICAGO))
    response = client_for(administrator).post(EXPORT, {"format": "csv"})
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    headings = [
        *("Organization", "Kind", "'=1;'+1: members", "'=1;'+1: since"),
        "'=1;'+1: meetings attended in 12 months",
        "'=1;'+1: meetings with recorded attendance",
        "'=1;'+1: people who came",
        "Whole Collaborative: meetings attended in 12 months",
        "Whole Collaborative: meetings with recorded attendance",
        "Whole Collaborative: people who came",
    ]
    assert lines == [
        ",".join(headings),
        '"\'=HYPERLINK(""http://bad.example"")",,1,2026-03-03,0,0,0,0,0,0',
    ]
    log = Export.objects.get()
    assert (log.by, log.rows, log.file_format, log.filters) == (administrator, 1, "csv", "")


def test_coverage_export_is_filtered_like_the_page(
    client_for, facilitator, member, other_organization, team
):
    response = client_for(facilitator).post(f"{EXPORT}?without={team.slug}", {"format": "csv"})
    assert other_organization.name in (body := b"".join(response.streaming_content).decode())
    assert member.organization.name not in body
    assert Export.objects.get().filters == "no one on Education"


def test_coverage_export_makes_excel_files(client_for, facilitator, member):
    response = client_for(facilitator).post(EXPORT, {"format": "xlsx"})
    assert b"".join(response.streaming_content).startswith(b"PK")


@pytest.mark.parametrize("data", [{}, {"format": "exe"}])
def test_coverage_export_does_not_find_an_unknown_format(client_for, facilitator, data):
    assert client_for(facilitator).post(EXPORT, data).status_code == 404
    assert not Export.objects.exists()


@pytest.fixture
def attended(member, organization, team) -> None:
    """Two meetings of the team were held this month or the last: the organization came to one."""
    for number in range(2):
        starts_at = timezone.now() - timedelta(days=number + 1)
        meeting = make_meeting(team, starts_at=starts_at, status="held")
        who = {"member": member, "organization": organization}
        guest = {"guest_name": "Gina Guest", "guest_email": "gina@visitor.example"}
        Attendance.objects.create(meeting=meeting, came=True, **(guest if number else who))


@pytest.mark.usefixtures("attended")
def test_coverage_and_report_say_who_came_to_meetings(client_for, facilitator):
    client = client_for(facilitator)

    for path in PAGES:
        assert "came to 1 of 2" in visible_text(client.get(path)), path
    quarters = client.get(REPORT).context["quarters"]
    assert sum(quarter.meetings for quarter in quarters) == 2
    assert sum(quarter.guests for quarter in quarters) == 1
    file = b"".join(client.post(EXPORT, {"format": "csv"}).streaming_content).decode()
    assert file.rstrip().endswith(",1,2,1,0,0,0")


def test_coverage_of_meetings_of_other_teams_is_not_shown(client_for, other_facilitator, attended):
    page = visible_text(client_for(other_facilitator).get(COVERAGE))

    assert "came to" not in page.replace("its people came", "")


# Report -------------------------------------------------------------------------------------


def test_report_is_about_the_last_twelve_months_by_default(client_for, facilitator):
    page = client_for(facilitator).get(REPORT)
    assert len(page.context["period"].months) == 12
    assert "the last month is counted so far" in visible_text(page)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"from": "x", "to": "2026-01"}, "Write a month like 2026-03."),
        ({"from": "2026-13", "to": "2027-01"}, "Write a month like 2026-03."),
        ({"from": "2026-03", "to": "2026-01"}, "The first month comes after the last one."),
        ({"from": "2010-01", "to": "2026-01"}, "Choose at most 60 months."),
        ({"from": "0001-01", "to": "2026-01"}, "Choose months from 2000 to 2100."),
        ({"from": "", "to": "2026-01"}, "Choose a month, like 2026-03."),
    ],
)
def test_period_of_a_report_explains_invalid_months(data, message):
    assert message in str(PeriodForm(data).errors)


def test_report_explains_invalid_months(client_for, facilitator):
    page = client_for(facilitator).get(REPORT, {"from": "2026-01\x00"})
    assert page.status_code == 200
    assert "First month: Null characters are not allowed." in visible_text(page)
    assert page.context["period"] is None


def test_report_limits_organizations(client_for, administrator, member, outsider, monkeypatch):
    monkeypatch.setattr("desk.reports.views.MAX_ORGANIZATIONS_IN_REPORT", 1)
    page = client_for(administrator).get(REPORT)
    assert "And 1 more organization" in visible_text(page)
    assert [row.name for row in page.context["rows"]] == ["Loop Example Clinic"]


def test_report_and_coverage_work_without_data(client_for, administrator):
    client = client_for(administrator)
    assert "No recognized organization has people" in visible_text(client.get(REPORT))
    assert "No organization is recognized yet" in visible_text(client.get(COVERAGE))


def test_charts_have_titles_descriptions_and_printed_values(client_for, facilitator, past, goal):
    page = client_for(facilitator).get(f"{REPORT}?from=2026-03&to=2026-04").content.decode()
    assert page.count('<svg role="img"') == page.count("<title id=") == page.count("<desc id=") == 4
    for name in re.findall(r'aria-labelledby="([^"]+-title [^"]+-desc)"', page):
        assert all(f'id="{part}"' in page for part in name.split())
    assert re.search(r'<rect class="s1" x="0\.0%"[^>]+ width="45\.0%"', page)
    assert ">6 members</text>" in page


@override_settings(LANGUAGE_CODE="de")
def test_charts_do_not_localize_lengths(client_for, facilitator, past):
    page = client_for(facilitator).get(REPORT).content.decode()
    assert re.search(r'width="45\.0%"', page)
    assert not re.search(r'<(rect|text)[^>]+"\d+,\d', page)


def test_charts_draw_long_periods_by_quarters(client_for, facilitator, past):
    page = client_for(facilitator).get(f"{REPORT}?from=2024-03&to=2026-04").content.decode()
    assert ">Mar–May 24</text>" in page
    assert page.count('class="s2" x="64.0%"') == 9


def test_charts_of_the_first_page_are_counted_once_until_less_waits(
    rf, administrator, facilitator, past, team, django_assert_num_queries
):
    def charts(staff, waiting=1):
        request = rf.get("/admin/")
        request.user = staff
        return dashboard_charts(request, {"requests": Waiting(waiting)})

    first = charts(facilitator)
    assert len(charts(administrator)[0].rows) > len(first[0].rows)
    Membership.objects.filter(team=team).delete()
    with django_assert_num_queries(1):
        assert charts(facilitator) == first
    assert charts(facilitator, waiting=0) != first


# Access -------------------------------------------------------------------------------


def test_reports_refuse_members_visitors_and_post(client_for, client, facilitator, member):
    of_member, of_facilitator = client_for(member), client_for(facilitator)
    for path in (*PAGES, EXPORT):
        assert of_member.get(path).status_code == 403, path
        assert client.get(path).status_code == 302, path
    for path in PAGES:
        assert of_facilitator.post(path).status_code == 405, path


def test_coverage_export_refuses_get(client_for, facilitator):
    assert client_for(facilitator).get(EXPORT).status_code == 405
    assert not Export.objects.exists()


def test_reports_cost_the_same_queries_for_one_and_three_rows(
    client_for, administrator, organization, team
):
    client = client_for(administrator)

    def add(number: int) -> None:
        clinic = add_organization(f"Clinic {number}", domains=[], by=administrator)
        join_teams(make_member(f"m{number}@x.example", clinic, "M"), [team])

    def costs() -> list[int]:
        return [cost(path) for path in PAGES]

    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        return len(queries)

    add(1)
    client.get(COVERAGE)
    one = costs()
    add(2)
    add(3)
    assert costs() == one
    assert max(one) <= 30


# The filters that numbers link to -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("joined", ["", "x", "2026-13", "9999-12", "2026-03..2026-01", "1' or 1"]),
        ("ended", ["x"]),
        ("answered", ["x"]),
        ("organization", ["", "x", "-1", "1" * 30, "²"]),
    ],
)
def test_filters_ignore_invalid_periods_and_keys(client_for, facilitator, member, name, values):
    client = client_for(facilitator)
    for value in values:
        response = client.get(MEMBERSHIPS, {name: value})
        assert (response.status_code, response["Location"]) == (302, f"{MEMBERSHIPS}?e=1"), value


def test_organization_filter_of_an_unknown_key_is_empty(facilitator, member):
    assert listed(Membership, facilitator, "organization=999999") == []


@pytest.mark.parametrize("slug", ["hiring", ""])
def test_team_filter_ignores_other_teams(client_for, facilitator, outsider, slug):
    response = client_for(facilitator).get(ORGANIZATIONS, {"team": slug})
    assert (response.status_code, response["Location"]) == (302, f"{ORGANIZATIONS}?e=1")


def test_period_filter_is_visible_only_while_it_is_used(client_for, facilitator, member, team):
    client = client_for(facilitator)
    month = f"{timezone.localdate():%Y-%m}"
    assert "Joined: " not in visible_text(client.get(MEMBERSHIPS))
    page = client.get(MEMBERSHIPS, {"joined": month})
    assert "Joined: " in visible_text(page)
    assert [row.pk for row in page.context["cl"].result_list] == [membership_of(member, team).pk]


def test_organization_filter_shows_nobody_of_another_team(facilitator, outsider):
    assert listed(Membership, facilitator, f"organization={outsider.organization_id}") == []


def test_report_counts_employers_apart(client_for, facilitator, member, other_organization):
    Organization.objects.filter(pk=member.organization_id).update(kind="employer")
    join_teams(member, list(facilitator.facilitated_teams.all()))
    text = visible_text(client_for(facilitator).get("/admin/report/"))
    assert "Employer: 1." in text


def test_coverage_shows_and_filters_kinds(
    client_for, facilitator, organization, other_organization
):
    Organization.objects.filter(pk=organization.pk).update(kind="employer")
    client = client_for(facilitator)
    assert f"{organization} Employer" in visible_text(client.get("/admin/coverage/"))
    employers = visible_text(client.get("/admin/coverage/?kind=employer"))
    assert str(other_organization) not in employers
    assert client.get("/admin/coverage/?kind=hospital").status_code == 404
    client.post("/admin/coverage/export/?kind=employer", {"format": "csv"})
    exported = Export.objects.get()
    assert (exported.filters, exported.rows) == ("Employer", 1)
