"""The documents say what is so."""

import re
from dataclasses import fields

from flask import Flask

from routes.problem_pages import MEANINGS
from settings import Settings
from tests.support import ROOT
from tests.support.app_client import AppClient
from wire.problems import PROBLEM_TYPES

API = (ROOT / "docs/api.md").read_text()
CONTRACT = (ROOT / "docs/contract.md").read_text()
README = (ROOT / "README.md").read_text()
OPERATING = (ROOT / "docs/operating.md").read_text()
ENDPOINT = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?]*)")

# In the environment under other names, or found by the service itself.
RENAMED = {"database_url": "DATABASE_URL"}


def test_api_md_has_every_endpoint_and_no_other(endpoints: set[tuple[str, str]]) -> None:
    assert set(ENDPOINT.findall(API)) == endpoints


def test_readme_names_only_endpoints_that_exist(endpoints: set[tuple[str, str]]) -> None:
    named = set(ENDPOINT.findall(README))
    assert named
    assert named <= endpoints


def test_contract_md_has_every_error_code_with_its_status() -> None:
    table = CONTRACT.partition("## Errors")[2].partition("## Browsers elsewhere")[0]
    said = set()
    for line in re.findall(r"^\| (\d.*)\|$", table, re.MULTILINE):
        statuses, _, rest = line.partition("|")
        codes = re.findall(r"`([a-z_]+)`", re.sub(r"\(.*?\)", "", rest))
        numbers = [int(status) for status in statuses.split(",")]
        # One status for all the codes of its line, or one for each.
        of_each = numbers * len(codes) if len(numbers) == 1 else numbers
        said |= set(zip(of_each, codes, strict=True))
    # It also has those that are still to be built.
    assert {(kind.status, code) for code, kind in PROBLEM_TYPES.items()} <= said


def test_every_problem_has_a_page(client: AppClient) -> None:
    assert set(MEANINGS) == set(PROBLEM_TYPES)
    for code, kind in PROBLEM_TYPES.items():
        answer = client.get(f"/problems/{code}")
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert kind.title in answer.text
    for nothing in ("", "nothing", "not_found/", "<script>"):
        assert client.get(f"/problems/{nothing}").status_code == 404


def test_readme_has_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", README, re.MULTILINE))
    names = {field.name: field for field in fields(Settings)}
    said = {RENAMED.get(name, f"PRESENCE_{name.upper()}") for name in names}
    assert set(rows) == said
    for name, field in names.items():
        if isinstance(field.default, int):
            assert rows[f"PRESENCE_{name.upper()}"] == str(field.default)


def test_operating_md_has_every_command(app: Flask) -> None:
    said = set(
        re.findall(r"^\| `(\w+(?: (?:create|delete|add|issue|sync))?)", OPERATING, re.MULTILINE)
    )
    there = set()
    for name, command in app.cli.commands.items():
        if name not in ("run", "shell", "routes", "openapi"):
            there |= {f"{name} {sub}" for sub in getattr(command, "commands", {})} or {name}
    assert said == there
