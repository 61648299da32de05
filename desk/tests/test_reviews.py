"""What happened since the last quarterly meeting, at the desk."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import messages_of, visible_text
from desk.tests.action_pages import action_form, action_url, forms_of
from teams.models import Announcement, Review
from teams.services.reviews import collect_again
from teams.tests.reviews import add_line, days_ago, held, make_review

pytestmark = pytest.mark.django_db
REVIEWS = "/admin/teams/review/"


@pytest.fixture
def client(client_for, facilitator):
    return client_for(facilitator)


def record_url(review: Review) -> str:
    return f"{REVIEWS}{review.pk}/change/"


def form_with(response, button: str):
    (form,) = [form for form in forms_of(response) if button in form.buttons]
    return form


def test_review_is_begun_written_published_and_announced(client, organization, team, facilitator):
    held(team, days=80)
    begin = form_with(client.get(f"{REVIEWS}add/"), "Collect the lines")
    assert (begin.fields["begins_on"], begin.fields["ends_on"]) == (
        f"{days_ago(80)}",
        f"{days_ago(0)}",
    )
    page = begin.submit(client, "Collect the lines")
    assert "2 lines collected: 2 new." in visible_text(page)
    review = Review.objects.get()
    key = review.lines.get(kind="organization").key
    form = form_with(page, "Save and preview")
    form.fields["hidden"] = key
    preview = form.submit(client, "Save and preview", intro="A **good** quarter.")
    content = preview.content.decode()
    assert "A <strong>good</strong> quarter." in content
    assert "Winter meeting</a>, quarterly meeting of Education." in content
    assert "Rush Example Hospital</a>" not in content
    published = action_form(preview).submit(client, "Publish")
    assert messages_of(published) == [f"{review.period} is published."]
    assert "Hide lines" not in visible_text(published)
    draft = form_with(published, "Write an announcement").submit(client, "Write an announcement")
    assert "Nothing is sent yet." in visible_text(draft)
    write = form_with(published, "Write an announcement")
    write.submit(client, "Write an announcement", follow=False)
    assert Announcement.objects.get().team == team
    undo = form_with(client.get(record_url(review)), "Undo").submit(client, "Undo")
    assert undo.status_code == 200
    review.refresh_from_db()
    assert (review.is_draft, review.published_at) == (True, None)


def test_correction_is_added_and_undone(client, facilitator):
    review = make_review(facilitator)
    form = action_form(client.get(action_url("correct", review)))
    assert "what is wrong and what is right" in visible_text(
        form.submit(client, "Add a correction")
    )
    page = form.submit(client, "Add a correction", text="Three signed.")
    assert "Three signed." in visible_text(page)
    assert "Fay Facilitator" in visible_text(page)
    form_with(page, "Undo").submit(client, "Undo", follow=False)
    assert not review.corrections.exists()


def test_lines_are_collected_again_with_one_press(client, organization, team):
    review = make_review()
    form = form_with(client.get(record_url(review)), "Save and collect again")
    page = form.submit(client, "Save and collect again", intro="Typed.")
    assert messages_of(page) == ["The draft is saved. 1 line collected: 1 new, 1 gone."]
    assert form_with(page, "Save and preview").fields["intro"] == "Typed."


def test_what_someone_else_changed_is_not_overwritten_and_nothing_typed_is_lost(
    client, organization, administrator
):
    review = make_review()
    form = form_with(client.get(record_url(review)), "Save as a draft")
    collect_again(review, by=administrator)
    page = form.submit(client, "Save as a draft", intro="Typed.")
    assert "Someone else changed this review" in visible_text(page)
    again = form_with(page, "Save as a draft")
    assert again.fields["intro"] == "Typed."
    assert "The draft is saved." in visible_text(again.submit(client, "Save as a draft"))
    review.refresh_from_db()
    assert review.intro == "Typed."


def test_paragraph_typed_while_someone_publishes_comes_back(client, team, facilitator):
    review = make_review()
    add_line(review, "Rush Example Hospital")
    form = form_with(client.get(record_url(review)), "Save and preview")
    Review.objects.filter(pk=review.pk).update(status="published", published_at=timezone.now())
    page = form.submit(client, "Save and preview", intro="Typed\n\nfor an hour.")
    assert page.status_code == 409
    assert "What you typed was not saved." in visible_text(page)
    assert ">Typed\n\nfor an hour.</textarea>" in page.content.decode()
    review.refresh_from_db()
    assert review.intro == ""


def test_wrong_days_are_refused_and_nothing_typed_is_lost(client):
    review = make_review()
    form = form_with(client.get(record_url(review)), "Save as a draft")
    page = form.submit(client, "Save as a draft", intro="Typed.", ends_on=f"{days_ago(300)}")
    assert "The last day is before the first one." in visible_text(page)
    assert form_with(page, "Save as a draft").fields["intro"] == "Typed."


def test_published_review_has_no_form_and_refuses_what_changes_it(client, facilitator):
    review = make_review(facilitator, intro="Done.")
    page = client.get(record_url(review))
    assert not any("Save as a draft" in form.buttons for form in forms_of(page))
    assert client.post(record_url(review), {"intro": "Other"}).status_code == 409
    for name in ("publish", "delete"):
        client.post(action_url(name, review), {})
    review.refresh_from_db()
    assert (review.intro, review.lines.count()) == ("Done.", 1)


def test_desk_of_reviews_is_for_staff(client_for, member, facilitator):
    review = make_review(facilitator)
    for address in (REVIEWS, record_url(review), f"{REVIEWS}{review.pk}/announcement/"):
        assert client_for(member).get(address).status_code in (302, 403, 404)
    assert client_for(member).post(f"{REVIEWS}{review.pk}/announcement/").status_code != 200
    assert not Announcement.objects.exists()


def test_list_costs_the_same_for_one_and_for_three(client, facilitator):
    numbers = []
    client.get(REVIEWS)
    for number in (1, 2, 3):
        review = make_review(facilitator, begins_on=days_ago(90 + number))
        with CaptureQueriesContext(connection) as queries:
            assert review.period in visible_text(client.get(REVIEWS))
        numbers.append(len(queries))
    assert numbers[0] == numbers[2]


def test_review_is_found_by_what_a_line_says(client):
    review = make_review()
    page = client.get("/admin/search/", {"q": "rush example"})
    assert f'href="{record_url(review)}"' in page.content.decode()
