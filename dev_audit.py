"""dev.py audit: the locked dependencies against known advisories, without a network.

The advisories are a folder or a zip file of OSV documents, as osv.dev and the advisory databases
export them for PyPI. (pip-audit can't read one: it asks its services.)
"""

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from dev_sbom import pins

LOCKS = sorted((Path(__file__).parent / "requirements").glob("*.txt"))
Advisory = dict[str, Any]


def main(source: str) -> int:
    """Name what is affected: 0 for nothing, 1 for something, 2 where nothing could be checked."""
    locked = {pin for lock in LOCKS for pin in pins(lock)}
    try:
        advisories = list(read(Path(source)))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        return _fail(f"{source} can't be read as advisories: {error}")
    if not any(packages_of(each) for each in advisories):
        return _fail(f"{source} has no advisory for a Python package: nothing was checked")
    found = sorted(findings(locked, advisories))
    for name, version, advisory, summary in found:
        print(f"{name} {version}: {advisory} {summary}".rstrip())
    known = f"{len(locked)} locked versions against {len(advisories)} advisories"
    print(f"{known}: {len(found)} found.")
    return 1 if found else 0


def read(source: Path) -> Iterator[Advisory]:
    """The advisories in a folder or a zip file.

    :raises OSError, ValueError, zipfile.BadZipFile: it is neither
    """
    if source.is_dir():
        for file in sorted(source.rglob("*.json")):
            yield _advisory(file.read_bytes())
        return
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield _advisory(archive.read(name))


def findings(
    locked: set[tuple[str, str]], advisories: list[Advisory]
) -> Iterator[tuple[str, str, str, str]]:
    """Each locked version that an advisory names, with the advisory's id and summary."""
    versions: dict[str, list[tuple[str, str]]] = {}
    for name, version in locked:
        versions.setdefault(normal(name), []).append((name, version))
    for advisory in advisories:
        if advisory.get("withdrawn"):
            continue
        hit = {
            pin
            for package in packages_of(advisory)
            for pin in versions.get(normal(package["package"]["name"]), [])
            if affects(package, pin[1])
        }
        for name, version in hit:
            yield name, version, str(advisory["id"]), str(advisory.get("summary", ""))


def packages_of(advisory: Advisory) -> list[dict[str, Any]]:
    """What it says of Python packages."""
    affected = advisory.get("affected", [])
    return [each for each in affected if each.get("package", {}).get("ecosystem") == "PyPI"]


def affects(package: dict[str, Any], version: str) -> bool:
    """Whether ``version`` is listed, or in a range (OSV's own rule)."""
    return version in package.get("versions", []) or any(
        _is_within(each.get("events", []), version)
        for each in package.get("ranges", [])
        if each.get("type") == "ECOSYSTEM"
    )


def _is_within(events: list[dict[str, str]], version: str) -> bool:
    at, affected = Version(version), False
    for event in sorted(events, key=_place):
        ((kind, bound),) = event.items()
        if kind == "introduced" and (bound == "0" or at >= _version(bound)):
            affected = True
        elif at > _version(bound) or (kind == "fixed" and at == _version(bound)):
            affected = affected and kind not in ("fixed", "last_affected")
    return affected


def _place(event: dict[str, str]) -> tuple[Version, bool]:
    ((kind, bound),) = event.items()
    return _version(bound), kind != "introduced"


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")  # rather one finding too many


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _advisory(content: bytes) -> Advisory:
    advisory = json.loads(content)
    if not isinstance(advisory, dict) or "id" not in advisory:
        raise ValueError("a document is not an OSV advisory: it has no id")
    return advisory


def _fail(reason: str) -> int:
    print(f"dev.py: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
