"""The bill of materials of a lock: CycloneDX 1.6 as JSON, the same from the same lock, anywhere."""

import json
import re
from pathlib import Path
from typing import Any

PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?: ; ([^\\]+?))?(?= \\$)", re.MULTILINE)


def pins(lock: Path) -> list[tuple[str, str]]:
    """The locked names and versions, in their order."""
    return [(name, version) for name, version, _ in PIN.findall(lock.read_text())]


def bill(lock: Path) -> str:
    """The CycloneDX document of ``lock``."""
    components = [_component(*found) for found in PIN.findall(lock.read_text())]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "presence"}},
        "components": components,
    }
    return json.dumps(document, indent=1) + "\n"


def _component(name: str, version: str, marker: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    # With a marker it is installed on some machines alone.
    some = {"properties": [{"name": "presence:marker", "value": marker}]} if marker else {}
    return {**component, **some}
