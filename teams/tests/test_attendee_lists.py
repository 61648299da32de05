import pytest

from teams.attendee_lists import read_attendees


def people_in(text: str) -> list[tuple[str, str]]:
    """The address and the best name of each entry."""
    return [(entry.email, entry.names[0] if entry.names else "") for entry in entries_in(text)]


def entries_in(text: str):
    return read_attendees(text).entries


ANA = ("", "Ana Sample")
ANA_WITH_ADDRESS = ("ana@lakefront.example", "Ana Sample")
BEN = ("", "Ben Example")
BEN_WITH_ADDRESS = ("ben@loop.example", "Ben Example")


@pytest.mark.parametrize(
    "text",
    [
        "Ana Sample",
        "  Ana   Sample\u200b ",
        "Ana Sample (she/her)",
        "Ana Sample (She/Her/Ella)",
        "Ana Sample [they/them]",
        "Ana Sample | she/her",
        "Dr. Ana Sample",
        "Ana Sample, RN",
        "Ana Sample, PhD, SHRM-SCP",
        "Ms. Ana Sample, M.P.H.",
        "Ana Sample - Lakefront Health",
        "Ana Sample | Lakefront Health",
        "Ana Sample (Lakefront Health)",
        "- Ana Sample",
        "• Ana Sample",
        "12. Ana Sample",
        "[x] Ana Sample",
        "Ana Sample\t9:02 AM\t10:31 AM\t89\tYes",
        "Ana Sample, 89 min",
    ],
)
def test_read_attendees_name(text):
    assert people_in(text) == [ANA]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Sample, Ana", "Sample, Ana"),
        ("Sample, Ana M.", "Sample, Ana M"),
        ("Sample, Ana, RN", "Sample, Ana"),
        ("van der Berg, Anna", "van der Berg, Anna"),
        ("O'Neil, Pat", "O'Neil, Pat"),
        ("Do, Anna", "Do, Anna"),
        ("guest, gina", "guest, gina"),
        ("Ana S.", "Ana S"),
        ("José García López", "José García López"),
        ("李小龍", "李小龍"),
    ],
)
def test_read_attendees_last_name_first(text, name):
    assert people_in(text) == [("", name)]


@pytest.mark.parametrize(
    "text",
    [
        "Ana Sample <ana@lakefront.example>",
        "Ana Sample, ana@lakefront.example",
        "Ana Sample (ana@lakefront.example)",
        "Ana Sample\tANA@Lakefront.example\t9:02",
        "ana@lakefront.example, Ana Sample",
        "Ana Sample;mailto:ana@lakefront.example;89",
        "Name (Original Name),User Email,Total Duration (Minutes),Guest\n"
        "Ana Sample,ana@lakefront.example,89,Yes",
        "First name,Last name,Email,Duration\nAna,Sample,ana@lakefront.example,1 hr",
        "Email;Name\nana@lakefront.example;Ana Sample",
    ],
)
def test_read_attendees_name_and_address(text):
    assert people_in(text) == [ANA_WITH_ADDRESS]


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Ana Sample\n\nBen Example\r\n", [ANA, BEN]),
        ("Ana Sample, Ben Example", [ANA, BEN]),
        ("Ana Sample; Ben Example;", [ANA, BEN]),
        ("Ana Sample\tBen Example", [ANA, BEN]),
        ("Sample, Ana; Example, Ben", [("", "Sample, Ana"), ("", "Example, Ben")]),
        (
            "Ana Sample <ana@lakefront.example>, Ben Example <ben@loop.example>",
            [ANA_WITH_ADDRESS, BEN_WITH_ADDRESS],
        ),
        (
            "ana@lakefront.example, ben@loop.example",
            [("ana@lakefront.example", ""), ("ben@loop.example", "")],
        ),
        (
            "ana@lakefront.example ben@loop.example",
            [("ana@lakefront.example", ""), ("ben@loop.example", "")],
        ),
        (
            '"Sample, Ana" <ana@lakefront.example>; "Example, Ben" <ben@loop.example>',
            [("ana@lakefront.example", "Sample, Ana"), ("ben@loop.example", "Example, Ben")],
        ),
        (
            "Sample, Ana <ana@lakefront.example>; Example, Ben <ben@loop.example>",
            [("ana@lakefront.example", "Sample, Ana"), ("ben@loop.example", "Example, Ben")],
        ),
    ],
)
def test_read_attendees_several_on_a_line(text, people):
    assert people_in(text) == people


def test_read_attendees_repeated():
    attendees = read_attendees("Ana Sample\nana sample\nSample, Ana\nSAMPLE ANA\nBen Example")

    assert [entry.names for entry in attendees.entries] == [("Ana Sample",), ("Ben Example",)]
    assert attendees.repeated == 3


def test_read_attendees_report_of_teams():
    report = (
        "1. Summary\nMeeting title\tWinter meeting\nAttended participants\t2\n\n"
        "2. Participants\nName\tFirst Join\tLast Leave\tIn-Meeting Duration\tEmail\tRole\n"
        "Ana Sample\t12/9/26, 9:00:01 AM\t12/9/26, 10:30\t1h 30m\tana@lakefront.example\tOrganizer"
        "\nBen Example (Guest)\t12/9/26, 9:04\t12/9/26, 10:30\t1h\t\tAttendee\n"
    )

    attendees = read_attendees(report)

    assert people_in(report) == [ANA_WITH_ADDRESS, BEN]
    assert attendees.left_out == [
        "1. Summary",
        "Meeting title Winter meeting",
        "Attended participants 2",
        "2. Participants",
    ]


@pytest.mark.parametrize(
    ("text", "names", "device"),
    [
        ("iPhone", (), "a device"),
        ("Ana's iPhone", ("Ana",), "a device"),
        ("Galaxy S21", (), "a device"),
        ("Call-In User 3", (), "a device"),
        ("13125550123", (), "a phone number"),
        ("+1 312-***-0123", (), "a phone number"),
        ("🙂", (), ""),
        ("Ana @ Lakefront", ("Ana", "Ana @ Lakefront", "Lakefront"), ""),
    ],
)
def test_read_attendees_keeps_what_is_no_name(text, names, device):
    (entry,) = entries_in(text)

    assert (entry.text, entry.names, entry.device) == (text, names, device)


def test_read_attendees_zoom_original_name_is_tried_too():
    (entry,) = entries_in("Ana S (Ana Sample)")

    assert entry.names == ("Ana S", "Ana Sample")
