"""The check of an import: the rows as they will be stored, and correcting many at once."""

import re

from conftest import make_active_member, visible_text
from desk.imports import runs
from desk.imports.base import CellError, group_errors
from desk.imports.views import shown_values
from desk.tests.import_pages import (
    HEADINGS,
    MEMBERS,
    NORA,
    ORGANIZATIONS,
    check,
    csv_of,
    errors,
    nora,
    own_import,
    press,
    shown_rows,
    store,
)
from members.models import Member
from teams.models import Membership


def test_import_check_shows_the_rows_as_they_will_be_stored(
    client_for, facilitator, member, team, organization
):
    content = csv_of(
        NORA,
        f"{member.email},Another Name,Chief,rush example hospital,education",
        f"nobody,Ana,,{organization},{team}",
    )
    response = check(client_for(facilitator), content)
    assert shown_rows(response) == [
        ["2", "New member", "nora@rush.example", "Nora Newcomer", "HR lead",
         "Rush Example Hospital", "Education"],
        ["3", "Unchanged", member.email,
         f"{member.full_name} Not changed. The file says “Another Name”.",
         f"{member.job_title} Not changed. The file says “Chief”.".strip(), "Rush Example Hospital",
         "Education"],
        ["4", "To fix", "nobody", "Ana", "", "Rush Example Hospital", "Education"],
    ]  # fmt: skip
    assert "<bdi>Nora Newcomer</bdi>" in response.content.decode()


def test_import_check_of_organizations_shows_the_rows_as_they_will_be_stored(
    client_for, facilitator
):
    content = (
        b"Domains,Name,Status\n@North.example n.example www.north.example,  North   Example,"
        b"recognized\n"
    )
    response = check(client_for(facilitator), content, ORGANIZATIONS)
    assert [row[2:] for row in shown_rows(response)] == [
        ["North Example", "north.example; n.example", "Recognized", ""]
    ]


def test_import_check_shows_twenty_rows_and_then_page_by_page(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    people = [f"p{n}@x.example,Person {n},,{organization},{team}" for n in range(23)]
    first = check(client, csv_of(*people))
    assert len(shown_rows(first)) == 20
    assert "1 to 20 of 23" in visible_text(first)
    address = first.request["PATH_INFO"]
    assert 'href="?page=2#rows"' in first.content.decode()
    assert [row[0] for row in shown_rows(client.get(f"{address}?page=2"))] == ["22", "23", "24"]
    assert len(shown_rows(client.get(f"{address}?page=x"))) == 20


def misspelled(team, count: int) -> list[str]:
    return [f"p{n}@x.example,Person {n},,Rush Exampel Hospital,{team}" for n in range(count)]


def test_import_check_groups_errors_and_corrects_all_rows_with_one_press(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    checked = check(client, csv_of(*misspelled(team, 12), NORA))
    page = " ".join(visible_text(checked).split())
    assert "12 rows: 2, 3, 4, 5, 6 and 7 more" in page
    assert page.count("Did you mean “Rush Example Hospital”?") == 1
    button = re.search(r'name="accept" value="(\w+)"', checked.content.decode())
    corrected = press(client, checked, 'name="accept"', accept=button[1])
    assert "Corrected in 12 rows." in visible_text(corrected)
    assert errors(corrected) == []
    assert {row[5] for row in shown_rows(corrected)} == {"Rush Example Hospital"}
    assert nora() is None
    store(client, corrected, follow=False)
    assert Membership.objects.active().filter(team=team).count() == 13


def test_group_errors_splits_by_cell_only_where_one_press_decides():
    errors = [
        *(CellError("No name.", row, "Full name", f"{row}/1/2026") for row in range(2, 7)),
        *(CellError("Did you mean “A”?", row, "Organization", f"{row}A", "A") for row in (7, 8)),
        *(CellError("Too many cells.", row) for row in (11, 12)),
        *(CellError("Is it?", row, "Domains", f"{row}.org", is_question=True) for row in (9, 10)),
    ]
    same, *others = group_errors(errors)
    assert same.row_numbers == [2, 3, 4, 5, 6]
    assert shown_values(same) == ["2/1/2026", "3/1/2026", "4/1/2026"]
    assert [group.row_numbers for group in others] == [[11, 12], [7], [8], [9], [10]]
    assert not others[0].values


def test_import_goes_on_without_the_rows_that_cannot_be_imported(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    checked = check(client, csv_of(NORA, *misspelled(team, 2)))
    assert "2 rows of 3 cannot be imported yet." in visible_text(checked)
    assert "Continue with the 1 correct row" in visible_text(checked)
    rest = press(client, checked, 'name="leave_out"', leave_out="yes")
    assert [row[0] for row in shown_rows(rest)] == ["2"]
    assert "2 rows left out." in visible_text(rest)
    assert nora() is None
    done = store(client, rest)
    assert nora()
    assert Member.objects.filter(email__endswith="@x.example").count() == 0
    assert "2 rows not imported." in visible_text(done)


def test_import_offers_the_failed_rows_as_a_file_that_can_be_imported_again(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    formula = f"=bad,Bo,,{organization},{team}"
    checked = check(client, csv_of(NORA, misspelled(team, 1)[0], formula))
    address = re.search(r'href="([^"]+/failed/)"', checked.content.decode())[1]
    file = client.get(address)
    assert "attachment" in file["Content-Disposition"]
    lines = b"".join(file.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == f"{HEADINGS},Error"
    assert lines[1].endswith(
        'Education,"Organization: No organization has this name. Did you mean “Rush Example '
        'Hospital”? Correct the name, or add the organization first."'
    )
    assert lines[2].startswith("'=bad,Bo")
    assert len(lines) == 3
    corrected = "\n".join(lines).replace("Exampel", "Example").replace("'=bad,", "bo@x.example,")
    again = check(client, corrected.encode())
    assert errors(again) == []
    assert "Not read: the column Error." in visible_text(again)


def test_import_correct_with_an_unknown_group_changes_no_row(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    checked = check(client, csv_of(*misspelled(team, 2)))
    for button in ("accept", "confirm"):
        checked = press(client, checked, 'name="accept"', **{button: "0"})
        assert len(errors(checked)) == 2


def test_import_store_twice_imports_once(client_for, facilitator, team, organization):
    client = client_for(facilitator)
    checked = check(client, csv_of(NORA))
    store(client, checked, follow=False)
    again = store(client, checked)
    assert "1 new member, 0 known." in visible_text(again)
    assert Member.objects.filter(email="nora@rush.example").count() == 1
    assert Membership.objects.of(nora()).count() == 1
    # Nor can what is done be changed from the page that was left open.
    late = client.post(
        f"{MEMBERS}import/{own_import(facilitator).pk}/correct/", {"version": 1, "leave_out": "yes"}
    )
    assert (late.status_code, own_import(facilitator).state) == (302, "done")


def test_import_store_refuses_rows_that_were_changed_in_another_window(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    old = check(client, csv_of(NORA, *misspelled(team, 1)))
    version = own_import(facilitator).version
    press(client, old, 'name="leave_out"', follow=False, leave_out="yes")
    address = f"{MEMBERS}import/{own_import(facilitator).pk}/store/"
    for stale in ("", "x", "9" * 30):
        client.post(address, {"version": stale})
        assert nora() is None
    response = client.post(address, {"version": version}, follow=True)
    assert visible_text(response).count("This import is no longer as you saw it") == 4
    assert nora() is None


def test_import_store_shows_the_check_again_if_it_would_do_something_else(
    client_for, facilitator, team, organization
):
    """Without any error: in the meantime the person has joined."""
    client = client_for(facilitator)
    rows = csv_of(NORA, f"late@rush.example,Late,,{organization},{team}")
    checked = check(client, rows)
    make_active_member("late@rush.example", organization, "Late Riser", team)
    shown = store(client, checked)
    assert "Something has changed since the check. Nothing was stored." in visible_text(shown)
    assert [row[1] for row in shown_rows(shown)] == ["New member", "Unchanged"]
    assert nora() is None
    store(client, shown, follow=False)
    assert nora()


def test_import_of_many_rows_is_checked_and_stored_in_the_background(
    client_for, facilitator, team, organization, monkeypatch
):
    monkeypatch.setattr(runs, "MAX_ROWS_IN_REQUEST", 0)
    client = client_for(facilitator)
    waiting = check(client, csv_of(NORA))
    assert "Waiting for its turn." in visible_text(waiting)
    assert waiting["Refresh"] == "2"
    runs.run_pending_imports()
    checked = client.get(waiting.request["PATH_INFO"])
    assert "Refresh" not in checked
    storing = store(client, checked)
    assert "Being imported: list.csv" in visible_text(storing)
    assert nora() is None
    # A second press, from a page that was left open.
    store(client, checked, follow=False)
    runs.run_pending_imports()
    runs.run_pending_imports()
    assert Membership.objects.of(nora()).count() == 1
    assert "1 new member" in visible_text(client.get(waiting.request["PATH_INFO"]))


def test_import_continues_with_a_press_if_no_mail_worker_runs(
    client_for, facilitator, team, organization, monkeypatch
):
    monkeypatch.setattr(runs, "MAX_ROWS_IN_REQUEST", 0)
    client = client_for(facilitator)
    waiting = check(client, csv_of(NORA))
    action = re.search(r'action="([^"]+/continue/)"', waiting.content.decode())[1]
    checked = client.post(action, follow=True)
    assert [row[1] for row in shown_rows(checked)] == ["New member"]


def test_import_check_asks_about_domains_that_look_like_another(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    organization.domains.update(domain="lakefront.example")
    rows = [f"p{n}@{'lakefornt' if n else 'lakefront'}.example" for n in range(4)]
    checked = check(client, csv_of(*(f"{row},Person,,{organization},{team}" for row in rows)))
    page = " ".join(visible_text(checked).split())
    assert page.count("lakefornt.example looks like lakefront.example.") == 1
    assert [row[1] for row in shown_rows(checked)] == ["New member", *["To decide"] * 3]
    button = re.search(r'name="accept" value="(\w+)"', checked.content.decode())[1]
    corrected = press(client, checked, 'name="accept"', accept=button)
    assert [row[2] for row in shown_rows(corrected)] == [
        f"p{n}@lakefront.example" for n in range(4)
    ]
    checked = check(client, csv_of(f"{rows[1]},Person,,{organization},{team}"))
    button = re.search(r'name="confirm" value="(\w+)"', checked.content.decode())[1]
    kept = press(client, checked, 'name="confirm"', confirm=button)
    assert [row[1:3] for row in shown_rows(kept)] == [["New member", rows[1]]]
