"""The one way: what only one place may do, read off the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

NOT_OURS = {"tests", "alembic", "build", "dist", "instance"}
VERSIONS = {"version", "va_version", "accounts_version", "members_version"}
WRITES = {"insert", "update", "delete"}


def sources() -> Iterator[Path]:
    """The application's own Python files."""
    yield from sorted(ROOT.glob("*.py"))
    for folder in sorted(ROOT.iterdir()):
        if folder.is_dir() and folder.name not in NOT_OURS and not folder.name.startswith("."):
            yield from sorted(folder.glob("**/*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def called(call: ast.Call) -> str:
    """``f`` of ``f()`` and of ``x.f()``."""
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def where(found: str, within: Iterator[Path] | None = None) -> set[str]:
    """The files that match a pattern, other than in comments and strings of many lines."""
    return {
        name(path)
        for path in within or sources()
        if re.search(found, ast.unparse(without_docstrings(tree(path))))
    }


def without_docstrings(module: ast.Module) -> ast.Module:
    for node in ast.walk(module):
        body = getattr(node, "body", None)
        if isinstance(body, list) and isinstance(getattr(node, "body", [None])[0], ast.Expr):
            first = body[0].value
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                body[0] = ast.Pass()
    return module


def writers_of(model: str) -> set[str]:
    """The files that make, insert, update or delete ``model``."""
    found = set()
    for path in sources():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call):
                continue
            arguments = {getattr(each, "id", None) for each in node.args}
            if called(node) == model or (called(node) in WRITES and model in arguments):
                found.add(name(path))
        for node in ast.walk(tree(path)):
            # for table in (Presence, …): session.execute(delete(table)…)
            if isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):
                tables = {getattr(each, "id", None) for each in node.iter.elts}
                writes = any(
                    isinstance(inner, ast.Call) and called(inner) in WRITES
                    for inner in ast.walk(node)
                )
                if model in tables and writes:
                    found.add(name(path))
    return found


def attributes_set(names: set[str]) -> set[str]:
    """The files that assign to one of these attributes, other than of ``self``."""
    found = set()
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AugAssign):
                targets = [node.target]
            else:
                continue
            if any(isinstance(each, ast.Attribute) and each.attr in names for each in targets):
                found.add(name(path))
    return found


def test_the_sources_are_found() -> None:
    found = {name(path) for path in sources()}
    assert {"app.py", "services/presences.py", "services/change.py", "routes/clock.py"} <= found


def test_only_presences_and_heartbeats_write_presences() -> None:
    assert writers_of("Presence") == {
        "models/across_orgs.py",  # heartbeats of all orgs
        "services/heartbeats.py",
        "services/presences.py",
    }
    assert attributes_set({"last_heartbeat_at", "stale_since", "clocked_in_at"}) == set()
    assert where(r"(?i)(insert into|update|delete from) account_presence") == set()


def test_only_erasing_goes_through_all_tables() -> None:
    """It deletes and blanks rows of each, without naming one. Others only say who may see them."""
    erasing = {"services/erasing.py", "models/blanking.py"}
    protecting = {"models/row_security.py", "models/db_role.py"}
    assert where(r"metadata\.(sorted_)?tables") == erasing | protecting


def test_only_change_raises_versions() -> None:
    assert attributes_set(VERSIONS) == set()
    updates = {
        name(path)
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and called(node) == "update"
        and "Org" in {getattr(each, "id", None) for each in node.args}
    }
    assert updates == {"services/change.py"}
    assert where(r"(?i)update orgs") == set()


def test_only_changing_makes_a_change() -> None:
    assert writers_of("Change") == {"services/change.py"}


def test_only_change_keeps_clock_events() -> None:
    # A benchmark makes a history up.
    assert writers_of("ClockEvent") == {"bench/history.py", "services/change.py"}


def test_only_the_audit_log_keeps_audit_events() -> None:
    assert writers_of("AuditEvent") == {"services/audit_log.py"}


def test_only_sessions_writes_sessions() -> None:
    assert writers_of("MemberSession") == {
        "bench/world.py",
        "services/ending_sessions.py",
        "services/sessions.py",
    }


def test_only_staleness_says_when_a_presence_is_stale() -> None:
    """So another time for each org is a change of one function and its SQL."""
    assert where(r"settings\.stale_after\b") == {"services/staleness.py", "settings.py"}


CLOCKS = r"\butc_now\(|\bdatetime\.(now|utcnow|today)\(|\btime\.(time|monotonic)\w*\(|\bfunc\.now\("


def test_no_service_reads_the_clock() -> None:
    services = iter(sorted((ROOT / "services").glob("*.py")))
    assert where(CLOCKS, services) == {"services/times.py"}


def test_no_model_and_no_schema_reads_the_clock() -> None:
    others = (path for folder in ("models", "schemas") for path in (ROOT / folder).glob("*.py"))
    # The session's own patience with a new SQLite file is no time of an event.
    assert where(CLOCKS, others) == {"models/database.py"}


BY_POSITION = r"\(\*row\b|\brow\[[\d:]|_make\(row"


def test_rows_are_matched_to_fields_by_name() -> None:
    assert where(BY_POSITION) == set()


def test_only_the_session_commits() -> None:
    assert where(r"\.commit\(") == {"models/database.py"}


HTTP = (
    r"\b(import|from) (flask|werkzeug|marshmallow|webargs|routes|schemas|wire|csv)\b"
    r"|['\"]((application|text)/[a-z+-]+|([A-Z][a-z]+-)+[A-Z][a-z]+|ETag|Authorization|Accept)['\"]"
)


def test_no_service_knows_of_http() -> None:
    """Services hold rules: no bytes, no header, no media type."""
    services = iter(sorted((ROOT / "services").glob("*.py")))
    assert where(HTTP, services) == set()


def test_no_service_makes_a_body() -> None:
    # What an idempotency key is held to is digested as JSON.
    services = iter(sorted((ROOT / "services").glob("*.py")))
    assert where(r"\bjson\.dumps|import json", services) == {"services/idempotency.py"}


@pytest.mark.parametrize(
    ("source", "pattern"),
    [
        ("now = utc_now()", CLOCKS),
        ("now = datetime.now(UTC)", CLOCKS),
        ("session.commit()", r"\.commit\("),
        ("from wire import tags", HTTP),
        ("def f():\n    from schemas.clock import Me", HTTP),
        ("x = 'text/csv'", HTTP),
        ("headers['Retry-After'] = 2", HTTP),
        ("with x:\n    time.time()", CLOCKS),
        ("Member(*row[1:])", BY_POSITION),
        ("x = row[0]", BY_POSITION),
    ],
)
def test_the_patterns_find_what_they_are_for(source: str, pattern: str) -> None:
    assert re.search(pattern, ast.unparse(without_docstrings(ast.parse(source))))
