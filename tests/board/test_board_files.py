"""The board's files: what is served of them, how, and what is not."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from flask import Flask

from routes.board import CLIENT, PAGE
from tests.support.app_client import AppClient
from tests.support.node import package
from tests.support.problems import assert_problem

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FILES = {
    "/": PAGE / "index.html",
    **{f"/board/{file.name}": file for file in sorted(PAGE.iterdir())},
    **{f"/client/{file.name}": file for file in sorted(CLIENT.glob("*.js"))},
}


@pytest.fixture
def database_url(sqlite_template: Path) -> str:
    """No file of the page depends on the database."""
    return f"sqlite:///{sqlite_template}"


@pytest.mark.parametrize("path", FILES)
def test_each_file_is_served_as_it_lies(client: AppClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    content = FILES[path].read_bytes()
    if FILES[path].suffix in (".js", ".css"):
        assert_same_code(answer.data, FILES[path])
    elif FILES[path].suffix == ".html":
        assert answer.data.splitlines() == [line.lstrip() for line in content.splitlines()]
    else:
        assert answer.data == content
    assert answer.headers["Content-Type"] == MEDIA_TYPES[FILES[path].suffix]
    assert "Date" not in answer.headers  # the server's own would be a second one
    head = client.head(path)
    assert (head.status_code, head.data) == (200, b"")
    for one in (head, answer):
        del one.headers["Request-Id"]
    assert dict(head.headers) == dict(answer.headers)


def assert_same_code(served: bytes, file: Path) -> None:
    """By another program, which leaves out all that means nothing; and line for line."""
    esbuild = [f"{package()}/node_modules/.bin/esbuild", "--minify", f"--loader={file.suffix[1:]}"]

    def read(code: bytes) -> bytes:
        return subprocess.run(esbuild, input=code, capture_output=True, check=True).stdout

    assert read(served) == read(file.read_bytes())
    served_lines, lines = served.splitlines(), file.read_bytes().splitlines()
    for served_line, line in zip(served_lines, lines, strict=True):
        rest = line.lstrip().removeprefix(served_line)
        assert served_line == b"" or rest == b"" or rest.lstrip().startswith(b"// ")
    assert not [line for line in served_lines if line.startswith((b"//", b"/*"))]


@pytest.mark.parametrize("path", FILES)
def test_browsers_ask_each_time_and_then_get_a_304(client: AppClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == answer.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": '"of-another-release"'}).data == answer.data


@pytest.mark.parametrize("path", ["/", "/board/main.js", "/client/calls.js", "/board/none.js"])
def test_the_page_may_do_nothing_but_its_own(client: AppClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_link_may_add_to_the_address(client: AppClient) -> None:
    assert client.get("/?utm_source=mail").status_code == 200


@pytest.mark.parametrize("folder", ["board", "client"])
@pytest.mark.parametrize(
    "name",
    [
        "none.js",
        "../board.py",
        "..%2f..%2fsettings.py",
        "..%2f..%2fREADME.md",
        "%2e%2e/index.html",
        "..\\index.html",
        "index.html%00.js",
        "react",
        "react/index.js",
        ".",
        "..",
        "",
        f"{'x' * 5000}.js",
    ],
)
def test_no_name_leads_elsewhere(client: AppClient, folder: str, name: str) -> None:
    assert_problem(client.get(f"/{folder}/{name}"), 404, "not_found")


def test_only_known_kinds_of_files_are_served(
    client: AppClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("routes.board.PAGE", tmp_path)
    for name in (".env", "notes.md", "board.js.map", "script.py", "old.js~"):
        (tmp_path / name).write_text("not for browsers")
        assert_problem(client.get(f"/board/{name}"), 404, "not_found")


def test_the_page_names_only_files_that_are_there(client: AppClient) -> None:
    named = set(re.findall(r'(?:src|href)="([^"]+)"', (PAGE / "index.html").read_text()))
    for path, file in FILES.items():
        imported = re.findall(r"(?:from|import\()\s*['\"]([^'\"]+)['\"]", file.read_text())
        folder = path.rpartition("/")[0]
        named |= {re.sub(r"^\.", folder, name) for name in imported}
    assert "/client/index.js" in named
    for path in named:
        assert client.get(path).status_code == 200, path


def test_the_page_uses_the_packages_exports_and_nothing_else_of_it() -> None:
    exports = json.loads((CLIENT.parent / "package.json").read_text())["exports"].values()
    exported = {export["default"].removeprefix("./src/") for export in exports}
    used = {
        name
        for file in PAGE.glob("*.js")
        for name in re.findall(r"['\"]/client/([^'\"]+)['\"]", file.read_text())
    }
    assert used
    assert used <= exported


@pytest.mark.parametrize("path", FILES)
def test_nothing_stands_in_line_and_no_other_host_is_named(path: str) -> None:
    text = FILES[path].read_text()
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)\w", text)
    if FILES[path].suffix == ".html":
        assert not re.search(r"<style|style=|\son\w+=|javascript:", text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    if FILES[path].suffix == ".js":
        # A name is text, never markup.
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_the_page_is_not_in_the_description_for_machines(app: Flask) -> None:
    paths = AppClient(app).get("/openapi.json").json["paths"]
    assert not [path for path in paths if not path.startswith("/v1/")]
