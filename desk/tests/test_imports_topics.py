"""A list of topics from a file: checked in words, added as a whole, nothing dropped unseen."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from conftest import messages_of, visible_text
from desk.imports.topics import read_topics
from members.services import Refused
from teams.models import ActionTeam, Topic
from teams.services.topics import dismiss_topic
from teams.tests.topics import make_topic, waiting_topic

IMPORT = "/admin/teams/topic/import/"
WHY = "From the founding process."
pytestmark = pytest.mark.django_db


def upload(*lines: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("topics.csv", "\n".join(lines).encode())


def read(*lines: str):
    return read_topics(upload(*lines), list(ActionTeam.objects.all()))


def test_file_is_checked_and_then_added_with_a_step_each(
    client_for, facilitator, team, administrator
):
    make_topic("Robots", by=administrator)
    desk = client_for(facilitator)
    assert IMPORT in desk.get("/admin/teams/topic/").content.decode()
    file = upload(
        "title,Summary,State,Focus area,Why,Votes",
        "Night shifts,Hard to fill.,,,,3",
        f"Skills lists,,in focus,{team.name},It is our first goal.,",
        "ROBOTS,,,,,",
    )
    page = desk.post(IMPORT, {"file": file, "why": WHY})
    text = visible_text(page)
    assert "This will add 2 topics for everyone to read: 1 proposed and 1 in focus." in text
    assert "Not read: the column Votes" in text
    assert "Row 4: “Robots”" in text
    assert Topic.objects.count() == 1
    confirmed = {"checked": page.context["check"].token}
    done = desk.post(IMPORT, confirmed)
    assert "2 topics are added" in messages_of(done)[0]
    steps = {topic.title: topic.steps.get().why for topic in Topic.objects.all()}
    assert steps["Night shifts"] == WHY
    assert steps["Skills lists"] == "It is our first goal."
    version = Topic.objects.get(title="Skills lists").history.get()
    assert (version.source, version.history_user) == ("import", facilitator)
    again = desk.post(IMPORT, confirmed)
    assert "already" in messages_of(again)[-1]
    assert Topic.objects.count() == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",Text,,,", "Row 2: The title is missing."),
        ("x,,Frozen,,", "“Frozen” is not a state. Write Proposed, Being studied, Classified"),
        ("x,,Waiting,,", "“Waiting” is not a state"),
        ("x,,Classified,,", "A topic that is classified needs a focus area."),
        ("x,,,Education,", "A topic that is proposed has no focus area yet."),
        ("x,,Classified,Educatoin,", "is not one of your teams. Did you mean “Education”?"),
        (f"{'x' * 121},,,,", "Title has 121 characters. Shorten it to 120."),
        ("x,,,,\nX ,,,,", "Row 3: “X” is in row 2 already."),
    ],
)
def test_row_that_cannot_be_stored_says_how_to_fix_it(team, row, message):
    (error,) = read("Title,Summary,State,Focus area,Why", *row.split("\n")).errors
    assert message in error


def test_exported_list_changes_nothing(client_for, facilitator, team, other_team, administrator):
    make_topic("=Robots; or 007", by=administrator, summary="One.\n=Two")
    make_topic("Hours", Topic.State.CLASSIFIED, other_team, by=administrator)
    waiting_topic()
    dismiss_topic(waiting_topic("Pay"), reason="", by=administrator)
    response = client_for(facilitator).post("/admin/teams/topic/export/", {"format": "csv"})
    file = SimpleUploadedFile("topics.csv", b"".join(response.streaming_content))
    found = read_topics(file, [team])
    assert (found.topics, found.errors) == ([], [])
    assert len(found.existing) == Topic.objects.count()


@pytest.mark.parametrize(
    ("lines", "message"),
    [(["Name", "x"], "Title"), (["Title"], "no rows"), (["Title", *map(str, range(501))], "500")],
)
def test_file_that_is_no_list_of_topics_is_refused(lines, message):
    with pytest.raises(Refused, match=message):
        read(*lines)


def test_nothing_is_stored_with_an_error_or_without_a_reason(
    client_for, facilitator, member, other_team
):
    desk = client_for(facilitator)
    page = desk.post(IMPORT, {"file": upload("Title,State", "x,Frozen", "y,"), "why": WHY})
    assert "Nothing can be stored yet" in visible_text(page)
    assert "Add the topics" not in page.content.decode()
    refused = desk.post(IMPORT, {"file": upload("Title", "x"), "why": ""})
    assert "Say in one sentence where the list is from" in visible_text(refused)
    others = upload("Title,State,Focus area", f"x,Classified,{other_team.name}")
    assert "is not one of your teams" in visible_text(
        desk.post(IMPORT, {"file": others, "why": WHY})
    )
    forged = desk.post(IMPORT, {"checked": "forged"})
    assert "Nothing was added" in messages_of(forged)[0]
    assert client_for(member).get(IMPORT).status_code == 403
    assert not Topic.objects.exists()
