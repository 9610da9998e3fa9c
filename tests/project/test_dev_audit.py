"""The bill of materials of each lock, and the audit of what is locked."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import dev
import dev_audit
from dev_sbom import bill, pins

LOCKS = ["run", "test", "lint", "lock"]
FLASK = dict(pins(dev.lock_file("run")))["flask"]


def advisory(**affected: Any) -> dict[str, Any]:
    return {
        "id": "PYSEC-0000-1",
        "summary": "It lets everyone in.",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "Flask"}, **affected}],
    }


def within(*events: dict[str, str]) -> dict[str, Any]:
    return advisory(ranges=[{"type": "ECOSYSTEM", "events": list(events)}])


def audited(source: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dev_audit", str(source)]
    return subprocess.run(command, cwd=dev.ROOT, capture_output=True, text=True)


def written(folder: Path, *advisories: dict[str, Any]) -> Path:
    for number, each in enumerate(advisories):
        (folder / f"{number}.json").write_text(json.dumps(each))
    return folder


@pytest.mark.parametrize("lock", LOCKS)
def test_each_lock_has_its_bill_of_materials_beside_it(lock: str) -> None:
    text = dev.lock_file(lock).with_suffix(".cdx.json").read_text()
    assert text == bill(dev.lock_file(lock)), "remake it: python3 dev.py lock"
    document = json.loads(text)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    found = [(each["name"], each["version"]) for each in document["components"]]
    assert found == pins(dev.lock_file(lock))
    lines = dev.lock_file(lock).read_text().splitlines()
    assert len(found) == len([line for line in lines if not line.startswith(" ")])
    assert len({each["bom-ref"] for each in document["components"]}) == len(found)
    assert "://" not in text


BAD = [
    advisory(versions=[FLASK]),
    within({"introduced": "0"}),
    within({"introduced": "0"}, {"fixed": "999"}),
    within({"introduced": FLASK}, {"last_affected": FLASK}),
    within({"introduced": "0"}, {"fixed": "0.5"}, {"introduced": "1"}, {"fixed": "999"}),
    within({"fixed": "999"}, {"introduced": "0"}),
]
HARMLESS = [
    advisory(versions=["0.1"]),
    within({"introduced": "0"}, {"fixed": FLASK}),
    within({"introduced": "999"}),
    within({"introduced": "0"}, {"last_affected": "0.5"}),
    {**advisory(versions=[FLASK]), "withdrawn": "2026-01-01T00:00:00Z"},
]


@pytest.mark.parametrize("known", BAD)
def test_a_locked_version_with_a_known_advisory_is_named(known: dict[str, Any]) -> None:
    found = list(dev_audit.findings({("flask", FLASK)}, [known]))
    assert found == [("flask", FLASK, "PYSEC-0000-1", "It lets everyone in.")]


@pytest.mark.parametrize("known", HARMLESS)
def test_what_is_patched_or_withdrawn_is_not(known: dict[str, Any]) -> None:
    assert list(dev_audit.findings({("flask", FLASK)}, [known])) == []


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_advisories_come_as_a_folder_or_a_zip_file(tmp_path: Path, form: str) -> None:
    source = written(tmp_path, BAD[0], HARMLESS[0])
    if form == "zip":
        source = tmp_path / "all.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for file in tmp_path.glob("*.json"):
                archive.write(file, file.name)
    done = audited(source)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"flask {FLASK}: PYSEC-0000-1 It lets everyone in.\n" in done.stdout
    (tmp_path / "0.json").unlink()
    if form == "folder":
        assert audited(source).returncode == 0


def test_where_nothing_can_be_checked_it_fails_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "1.json").write_text("[]")
    (tmp_path / "no.zip").write_text("no zip")
    for source in ("nowhere", "empty", "broken", "no.zip"):
        done = audited(tmp_path / source)
        assert (done.returncode, done.stdout) == (2, ""), source
        (line,) = done.stderr.splitlines()
        assert str(tmp_path / source) in line


def test_dev_asks_for_advisories_first() -> None:
    command = [sys.executable, str(dev.ROOT / "dev.py"), "audit"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "OSV" in done.stderr
