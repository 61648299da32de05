"""Every kind of page in a real Chromium: axe-core finds nothing, nothing scrolls sideways."""

import os
from importlib.resources import files

import pytest

from members.models import Organization
from teams.models import ActionTeam, FaqEntry, Goal, Membership
from teams.services import ask_question, join_teams

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        os.environ.get("TEST_DATABASE") == "postgres",
        reason="pages look the same on every database: checked in the SQLite run",
    ),
]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
LOOKS = ["color-contrast", "target-size", "link-in-text-block"]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = [*WCAG, "best-practice"]
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
PUBLIC = [
    "/", "/teams/", "/teams/education/", "/faq/", "/faq/?q=join", "/faq/who-can-join/",
    "/faq/ask/", "/faq/ask/done/", "/organizations/", "/join/?team=education",
    "/sign-in/", "/privacy/", "/accessibility/", "/no-such-page/",
]  # fmt: skip
MEMBER = [
    "/my/", "/my/profile/", "/my/data/", "/my/data/close/", "/teams/education/",
    "/teams/education/members/", "/teams/education/leave/",
]  # fmt: skip


@pytest.fixture
def content(team, other_team, approval_team, closed_team, faq_entry, goal) -> None:
    """Something of everything that pages show."""
    team.why = team.achievements = "Some *words*.\n\n- one\n- two"
    team.save()
    Goal.objects.create(
        team=team, slug="numbers", title="Numbers", state="at_risk", state_reason="Too few places",
        current=3, target=20, unit="employers", reported_on="2026-03-03", due_on="2027-06-30",
    )  # fmt: skip
    FaqEntry.objects.create(slug="own", question="Of this team?", answer="Yes.", team=team)


def findings(page, rules: list[str] = RULES) -> list[str]:
    """What axe-core finds on a narrow dark page, and then, as far as the eye sees a difference,
    on the same page wide and light; and whether either scrolls sideways."""
    page.evaluate(AXE)
    # Admin's links fade from one scheme to the other: axe would look in the middle of it.
    page.add_style_tag(content="* { transition: none !important }")
    found = []
    for width, scheme, checked in ((320, "dark", rules), (1280, "light", LOOKS)):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        # Django's select2 boxes are left out: axe finds no name on their inner parts.
        run = f"axe.run({{exclude: [['.select2']]}}, {{runOnly: {checked}, preload: false}})"
        found += [
            f"{page.url} at {width}: {violation['id']}: {node['html'][:150]}"
            for violation in page.evaluate(run)["violations"]
            for node in violation["nodes"]
        ]
        if page.evaluate(SIDEWAYS):
            found.append(f"{page.url} at {width}: scrolls sideways")
    return found


def check(page, addresses: list[str], rules: list[str] = RULES) -> None:
    found = []
    for address in addresses:
        page.goto(address)
        found += findings(page, rules)
    assert not found, "\n".join(found)


def test_pages_of_visitors(new_page, member, content):
    check(new_page(bypass_csp=True), PUBLIC)


def test_pages_of_members(new_page, member, colleague, approval_team, content):
    join_teams(member, [approval_team])
    check(new_page(member, bypass_csp=True), MEMBER)


def test_pages_with_errors_and_the_code_page(new_page, team, content):
    page = new_page(bypass_csp=True)
    page.goto("/join/")
    page.get_by_role("button", name="Send me a code").click()
    assert not findings(page)
    page.get_by_label("Full name").fill("Nora Newcomer")
    page.get_by_label("Work email").fill("nora@lakeview.example")
    page.get_by_label("Organization", exact=True).fill("Lakeview")
    page.get_by_label(team.name).check()
    page.get_by_role("button", name="Send me a code").click()
    assert not findings(page)
    page.get_by_role("button", name="Join", exact=True).click()
    assert not findings(page)


def test_pages_of_facilitators(new_page, facilitator, member, applicant, goal, faq_entry, content):
    stay = Membership.objects.get(member=applicant)
    question = ask_question("Who can join?", "visitor@example.org")
    seat = Membership.objects.get(member=member)
    proposal = Organization.objects.proposed().get()
    check(
        new_page(facilitator, bypass_csp=True),
        [
            "/admin/",
            "/admin/report/",
            "/admin/coverage/",
            "/admin/members/organization/",
            f"/admin/members/organization/{proposal.pk}/change/",
            "/admin/members/organization/add/",
            "/admin/teams/membership/",
            f"/admin/teams/membership/{stay.pk}/change/",
            "/admin/teams/membership/add/",
            f"/admin/members/member/{member.pk}/change/",
            f"/admin/teams/goal/{goal.pk}/change/",
            f"/admin/teams/faqentry/{faq_entry.pk}/change/",
            f"/admin/teams/actionteam/{ActionTeam.objects.get(slug='education').pk}/change/",
            f"/admin/teams/goal/{goal.pk}/history/",
            f"/admin/teams/goal/report/?row={goal.pk}",
            f"/admin/teams/membership/end/?row={seat.pk}",
            f"/admin/members/organization/recognize/?row={proposal.pk}",
            f"/admin/members/organization/merge/?row={proposal.pk}",
            "/admin/teams/question/",
            f"/admin/teams/question/publish/?row={question.pk}",
            "/admin/members/member/import/",
            "/admin/members/deskdecision/",
        ],
        WCAG,
    )
