"""Rules about the source that no linter knows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path.relative_to(ROOT)
    for app in ("members", "teams", "desk", "collaborative")
    for path in sorted((ROOT / app).rglob("*.py"))
    if not {"tests", "migrations"} & set(path.parts)
]
# They take their patterns from a dictionary beside them.
PATTERNS_BY_NAME = {
    "desk/imports/cells.py", "desk/imports/csv_file.py", "members/auth/session_store.py",
}  # fmt: skip


def changing_patterns(tree: ast.AST) -> Iterator[str]:
    """Return the regular expressions that are not written out where they are used."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg=str(name)) if name.endswith("regex"):
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(value=ast.Name("re")), args=[pattern, *_]):
                if not is_written_out(pattern):
                    yield ast.unparse(node)


def is_written_out(pattern: ast.expr) -> bool:
    """Return whether it is a text, with nothing else put into it than constants of the module."""
    match pattern:
        case ast.Constant():
            return True
        case ast.JoinedStr(values=parts):
            values = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
            return all(isinstance(value, ast.Name) and value.id.isupper() for value in values)
    return False


def test_no_regular_expression_is_built_from_what_people_typed():
    patterns = {
        str(path): list(changing_patterns(ast.parse((ROOT / path).read_text())))
        for path in SOURCES
        if str(path) not in PATTERNS_BY_NAME
    }
    assert {path: found for path, found in patterns.items() if found} == {}


@pytest.mark.parametrize(
    "source",
    ["re.compile(text)", "re.search(f'^{text}$', name)", "rows.filter(name__iregex='^' + text)"],
)
def test_changing_patterns_are_seen(source):
    assert list(changing_patterns(ast.parse(source)))


@pytest.mark.parametrize("source", ["re.compile('^a$')", "re.search(f'^[{_LETTERS}]$', name)"])
def test_patterns_of_constants_do_not_change(source):
    assert not list(changing_patterns(ast.parse(source)))


def test_no_file_holds_both_sides_of_a_conflict():
    """Git leaves them in templates and texts, where no program stumbles over them."""
    files = [
        path
        for folder in ("templates", "static", "docs", "deploy", "teams", "members")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".html", ".txt", ".md", ".css", ".js", ".svg", ".conf"}
    ]
    assert [path for path in files if b"\n>>>>>>> " in path.read_bytes()] == []
