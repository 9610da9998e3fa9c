"""Packs the browser extension as a store takes it: the same bytes from the same files, anywhere."""

import json
import zipfile
from pathlib import Path

PACKED = {".css", ".html", ".js", ".json", ".png", ".svg"}
FOR_TESTS = {"test", "package.json"}
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # that zip files can name
MODE = 0o100644 << 16


def pack(folder: Path, target: Path) -> Path:
    """Write the zip of the extension in ``folder`` into the folder ``target``."""
    version = json.loads((folder / "manifest.json").read_text())["version"]
    target.mkdir(exist_ok=True)
    packed = target / f"presence-extension-{version}.zip"
    # Not compressed: what comes out would depend on the machine's zlib.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in contents(folder):
            entry = zipfile.ZipInfo(name, FIRST_DAY)
            entry.create_system = 3  # Unix, also where this is another
            entry.external_attr = MODE
            archive.writestr(entry, (folder / name).read_bytes())
    return packed


def contents(folder: Path) -> list[str]:
    """The files that belong in it, sorted."""
    files = [file.relative_to(folder) for file in folder.rglob("*") if file.suffix in PACKED]
    return sorted(file.as_posix() for file in files if file.parts[0] not in FOR_TESTS)
