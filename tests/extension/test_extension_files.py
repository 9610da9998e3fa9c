"""The extension's files: its own tests, what it may do, and what a store gets."""

import json
import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

from tests.support import ROOT
from tests.support.programs import program
from tests.support.server import environment

FOLDER = ROOT / "extension"
CLIENT = ROOT / "clients/js/src"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
DOCUMENT = (ROOT / "docs/extension.md").read_text()
NODE_SECONDS = 100
pack = runpy.run_path(str(FOLDER / "pack.py"))["pack"]


def test_its_own_tests_pass() -> None:
    tests = sorted(str(file) for file in (FOLDER / "test").glob("*.test.js"))
    answer = subprocess.run(
        [program("node"), "--test", *tests],
        cwd=FOLDER,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=NODE_SECONDS,
    )
    assert answer.returncode == 0, answer.stdout
    assert "# skipped 0" in answer.stdout


def test_the_same_files_make_the_same_zip_wherever_and_whenever(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "copy"))
    for file in copy.rglob("*"):
        os.utime(file, (0, 0))
        file.chmod(0o700)
    first, second = pack(FOLDER, tmp_path / "one"), pack(copy, tmp_path / "two")
    assert first.name == second.name == f"presence-extension-{MANIFEST['version']}.zip"
    assert first.read_bytes() == second.read_bytes()


def test_a_checkout_without_symbolic_links_makes_the_same_zip(tmp_path: Path) -> None:
    shutil.copytree(CLIENT, tmp_path / "clients/js/src")
    copy = Path(shutil.copytree(FOLDER, tmp_path / "extension", symlinks=True))
    (copy / "client").unlink()
    (copy / "client").write_text("../clients/js/src")
    first, second = pack(FOLDER, tmp_path / "one"), pack(copy, tmp_path / "two")
    assert first.read_bytes() == second.read_bytes()


def test_the_zip_has_all_that_runs_and_nothing_of_the_tests(tmp_path: Path) -> None:
    (copy := Path(shutil.copytree(FOLDER, tmp_path / "copy"))).joinpath(".DS_Store").touch()
    with ZipFile(pack(copy, tmp_path)) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert {f"client/{file.name}" for file in CLIENT.glob("*.js")} < set(names)
    assert not any("react" in name for name in names)
    there = {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file()}
    left_out = there - set(names)
    for_tests = {name for name in there if name.startswith("test/")}
    assert left_out == for_tests | {"package.json", "pack.py"}
    assert not [name for name in names if "test" in name or name.startswith(".")]


def test_it_asks_for_no_more_than_the_document_explains() -> None:
    optional = set(MANIFEST["optional_host_permissions"])
    assert set(MANIFEST["permissions"]) == {"alarms", "idle", "notifications", "storage"}
    assert optional == {"https://*/*", "http://localhost/*", "http://127.0.0.1/*"}
    assert "host_permissions" not in MANIFEST
    table = DOCUMENT.partition("## What it may do")[2].partition("\n## ")[0]
    explained = set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))
    assert explained == set(MANIFEST["permissions"]) | {"optional_host_permissions"}


def test_the_manifest_and_the_pages_name_only_files_that_are_there() -> None:
    named = {MANIFEST["background"]["service_worker"], MANIFEST["options_ui"]["page"]}
    named |= {MANIFEST["action"]["default_popup"], *MANIFEST["icons"].values()}
    for page in FOLDER.glob("*.html"):
        named |= set(re.findall(r'(?:src|href)="([^"]+)"', page.read_text()))
    for module in [*FOLDER.glob("*.js"), *FOLDER.glob("lib/*.js")]:
        for name in re.findall(r"from '(\.[^']+)'", module.read_text()):
            named.add(os.path.relpath(module.parent / name, FOLDER))
    for name in named:
        assert (FOLDER / name).is_file(), name


def test_it_uses_the_packages_exports_and_nothing_else_of_it() -> None:
    exports = json.loads((CLIENT.parent / "package.json").read_text())["exports"].values()
    exported = {export["default"].removeprefix("./src/") for export in exports}
    modules = [*FOLDER.glob("*.js"), *FOLDER.glob("lib/*.js")]
    found = (re.findall(r"/client/([^']+)'", module.read_text()) for module in modules)
    used = {name for names in found for name in names}
    assert used
    assert used <= exported


def test_it_names_no_other_host_and_writes_names_as_text() -> None:
    for file in FOLDER.rglob("*"):
        if file.suffix not in {".js", ".html", ".css"} or "test" in file.parts:
            continue
        text = file.read_text()
        assert not re.search(r"https?://\w", text), file
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(", text), file


def test_it_has_the_version_of_the_service() -> None:
    assert f'version = "{MANIFEST["version"]}"' in (ROOT / "pyproject.toml").read_text()
