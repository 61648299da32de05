"""When links are tried, and what becomes of them."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from collaborative.operations import link_checks
from collaborative.operations.mail_worker import PERIODIC_TASKS
from teams.link_check import LinkResult, Verdict
from teams.models import Resource
from teams.services.link_checks import check_links, due_resources
from teams.tests.announcements import make_resource

pytestmark = pytest.mark.django_db
NOW = timezone.now()
DAY = timedelta(days=1)
WORKS = LinkResult(Verdict.ALIVE)
MISSING = LinkResult(Verdict.MISSING, "The site has no such page (status 404)")
SILENT = LinkResult(Verdict.UNREACHABLE, "The site does not answer")
REFUSED = LinkResult(Verdict.REFUSED, "Not tried: the address is not on the public internet")


class Answers:
    """Answers for sites: `of` by address, else `otherwise`."""

    def __init__(self, otherwise: LinkResult = WORKS, **of: LinkResult) -> None:
        self.otherwise = otherwise
        self.of: dict[str, LinkResult] = of
        self.asked: list[str] = []

    def check(self, url: str) -> LinkResult:
        self.asked.append(url)
        return self.of.get(url, self.otherwise)


def at(number: int, **fields) -> Resource:
    return make_resource(url=f"https://site{number}.example.org/page", **fields)


def state(resource: Resource) -> str:
    resource.refresh_from_db()
    return resource.link_state


def test_links_are_tried_once_a_week_and_failing_ones_daily():
    resource = at(1)
    at(2, archived_at=NOW)
    assert check_links(NOW, Answers()) == 1
    assert state(resource) == "ok"
    assert check_links(NOW + 6 * DAY, Answers()) == 0
    assert check_links(NOW + 7 * DAY, Answers(MISSING)) == 1
    assert check_links(NOW + 7 * DAY + timedelta(hours=1), Answers()) == 0
    assert check_links(NOW + 8 * DAY, Answers()) == 1
    resource.refresh_from_db()
    assert (resource.link_failing_since, resource.link_problem) == (None, "")


def test_link_that_was_tried_in_the_future_is_due():
    resource = at(1, link_checked_at=NOW + 400 * DAY)
    assert list(due_resources(NOW)) == [resource]


def test_run_asks_one_link_of_each_site_the_oldest_first():
    first = at(1, link_checked_at=NOW - 9 * DAY)
    second = make_resource(url="https://site1.example.org/other", link_checked_at=NOW - 8 * DAY)
    never = at(2)
    answers = Answers()
    assert check_links(NOW, answers) == 2
    assert answers.asked == [never.url, first.url]
    assert check_links(NOW, answers) == 1
    assert answers.asked[2:] == [second.url]


def test_link_is_gone_only_after_failing_for_three_days():
    resource = at(1)
    for days in (0, 1, 2):
        check_links(NOW + days * DAY, Answers(MISSING))
        assert state(resource) == "unknown"
        assert resource.link_problem == MISSING.problem
    check_links(NOW + 3 * DAY, Answers(MISSING))
    assert state(resource) == "gone"
    check_links(NOW + 4 * DAY, Answers())
    assert state(resource) == "ok"


def test_nothing_is_gone_because_the_portal_is_cut_off():
    resource, other = at(1), at(2)
    check_links(NOW - DAY, Answers())
    for days in range(7, 12):
        check_links(NOW + days * DAY, Answers(SILENT))
    assert (state(resource), state(other)) == ("ok", "ok")
    assert resource.link_failing_since == NOW + 7 * DAY
    # The portal reaches another site again.
    check_links(NOW + 12 * DAY, Answers(SILENT, **{other.url: WORKS}))
    check_links(NOW + 13 * DAY, Answers(SILENT))
    assert (state(resource), state(other)) == ("gone", "ok")


def test_address_inside_a_network_is_neither_tried_nor_gone():
    resource = at(1, link_state="ok", link_failing_since=NOW - 9 * DAY)
    check_links(NOW, Answers(REFUSED))
    assert (state(resource), resource.link_problem) == ("unknown", REFUSED.problem)
    assert resource.link_failing_since is None


@pytest.mark.parametrize(
    ("moved_to", "expected", "problem"),
    [
        ("https://new.example.org/page", "moved", ""),
        ("https://www.site1.example.org/page/", "ok", ""),
        ("https://site1.example.org/", "moved", "It leads to the front page of the site now"),
        ("https://new.example.org/" + "x" * 500, "ok", ""),
        ("https://8.8.8.8/page", "ok", ""),
    ],
)
def test_page_that_moved_for_good_has_its_new_address(moved_to, expected, problem):
    resource = at(1)
    check_links(NOW, Answers(LinkResult(Verdict.ALIVE, moved_to=moved_to)))
    assert (state(resource), resource.link_problem) == (expected, problem)
    assert resource.moved_to == (moved_to if expected == "moved" else "")
    # It is known while the site is away, and forgotten with the page.
    check_links(NOW + 8 * DAY, Answers(MISSING))
    resource.refresh_from_db()
    assert bool(resource.moved_to) == (expected == "moved")
    check_links(NOW + 12 * DAY, Answers(MISSING))
    assert (state(resource), resource.moved_to) == ("gone", "")


def test_transcripts_are_tried_too():
    resource = at(1, kind="recording", transcript_url="https://text.example.org/1")
    for days in (0, 1, 2, 3):
        check_links(NOW + days * DAY, Answers(**{resource.transcript_url: MISSING}))
    assert (state(resource), resource.transcript_state) == ("ok", "gone")
    assert resource.has_dead_link


def test_result_is_not_stored_for_an_address_that_was_changed_meanwhile():
    resource = at(1)

    class Changing(Answers):
        def check(self, url: str) -> LinkResult:
            Resource.objects.update(url="https://new.example.org/")
            return MISSING

    check_links(NOW, Changing())
    resource.refresh_from_db()
    assert (resource.link_checked_at, resource.link_failing_since) == (None, None)


def test_check_of_links_leaves_no_history():
    resource = at(1)
    check_links(NOW, Answers(MISSING))
    assert resource.history.count() == 1


# In the background ---------------------------------------------------------------------------


def test_mail_worker_checks_links_in_a_thread_of_its_own(settings, monkeypatch):
    assert link_checks.check_links_in_background in [task for _, task in PERIODIC_TASKS]
    started: list[threading.Thread] = []

    class Thread(threading.Thread):
        def start(self) -> None:
            started.append(self)
            super().start()

    monkeypatch.setattr(link_checks.threading, "Thread", Thread)
    settings.CHECK_LINKS = False
    link_checks.check_links_in_background()
    assert started == []
    settings.CHECK_LINKS = True
    for _ in range(2):
        link_checks.check_links_in_background()
        started[-1].join(10)
    # The first run has ended, so there was a second one.
    assert len(started) == 2
