"""Packs the browser extension as a store takes it: the same bytes from the same files, anywhere."""

import json
import zipfile
from pathlib import Path

PACKED = {".css", ".html", ".js", ".json", ".png", ".svg"}
FOR_TESTS = {"test", "package.json"}
CLIENT = "client"  # the modules of presence-client, without those for React
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # that zip files can name
MODE = 0o100644 << 16


def pack(folder: Path, target: Path) -> Path:
    """Write the zip of the extension in ``folder`` into the folder ``target``."""
    version = json.loads((folder / "manifest.json").read_text())["version"]
    target.mkdir(exist_ok=True)
    packed = target / f"presence-extension-{version}.zip"
    # Not compressed: what comes out would depend on the machine's zlib.
    files = contents(folder)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in files:
            entry = zipfile.ZipInfo(name, FIRST_DAY)
            entry.create_system = 3  # Unix, also where this is another
            entry.external_attr = MODE
            archive.writestr(entry, files[name].read_bytes())
    return packed


def contents(folder: Path) -> dict[str, Path]:
    """The files that belong in it by their names there, sorted."""
    files = {
        file.relative_to(folder).as_posix(): file
        for file in folder.rglob("*")
        if file.suffix in PACKED and file.relative_to(folder).parts[0] not in {*FOR_TESTS, CLIENT}
    }
    link = folder / CLIENT
    # Git without symbolic links leaves a file there that holds where it should lead.
    client = folder / link.read_text() if link.is_file() else link
    files |= {f"{CLIENT}/{file.name}": file for file in client.glob("*.js")}
    return dict(sorted(files.items()))
