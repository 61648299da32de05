"""The pages about what happened since the last quarterly meeting."""

import pytest

from conftest import visible_text
from teams.services.reviews import correct_review
from teams.tests.reviews import add_line, days_ago, make_review

pytestmark = pytest.mark.django_db


def test_newest_review_is_shown_with_older_ones_below(client, facilitator):
    empty = visible_text(client.get("/since/"))
    assert "Nothing is published yet." in empty
    older = make_review(facilitator, begins_on=days_ago(200), ends_on=days_ago(100), intro="Older.")
    newest = make_review(facilitator, intro="A **good** quarter.")
    add_line(newest, "Winter <meeting>", kind="meeting", path="/meetings/winter/")
    add_line(newest, "Left out", is_hidden=True)
    correct_review(newest, "Three signed, not two", by=facilitator)
    response = client.get("/since/")
    text, page = visible_text(response), response.content.decode()
    assert "A <strong>good</strong> quarter." in page
    assert '<a href="/meetings/winter/">Winter &lt;meeting&gt;</a>' in page
    assert page.index("Meetings held</h2>") < page.index("Organizations that joined</h2>")
    assert "Left out" not in text
    assert "Corrections Three signed, not two." in text
    assert "Older." not in text
    assert f'<a href="{older.get_absolute_url()}">{older.period}</a>' in page
    assert facilitator.full_name not in text
    assert "Older." in visible_text(client.get(older.get_absolute_url()))


def test_draft_exists_for_staff_alone(client, client_for, member, facilitator):
    draft = make_review(intro="Not yet.")
    for reader in (client, client_for(member)):
        assert reader.get(draft.get_absolute_url()).status_code == 404
        assert "Not yet." not in visible_text(reader.get("/since/"))
        assert draft.slug not in reader.get("/sitemap.xml").content.decode()
    text = visible_text(client_for(facilitator).get(draft.get_absolute_url()))
    assert "Only facilitators see this page until it is published." in text
    assert "Go on with the draft at the desk" in text


def test_pages_answer_reading_alone_and_404_for_what_is_not_there(client, facilitator):
    review = make_review(facilitator)
    assert client.post("/since/").status_code == 405
    assert client.post(review.get_absolute_url()).status_code == 405
    assert client.get("/since/unknown/").status_code == 404
    assert review.get_absolute_url() in client.get("/sitemap.xml").content.decode()
