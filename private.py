"""Files with secrets or with what people do: their owner alone may read them, however they came."""

import logging
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

_log = logging.getLogger("presence")


def keep_folder(path: Path) -> None:
    """Make the folder, or take others' rights to it and to its files."""
    path.mkdir(mode=0o700, exist_ok=True)
    for each in (path, *path.iterdir()):
        tighten(each)


def make_file(path: Path, content: bytes = b"") -> None:
    """Make the file, unless another process has made it meanwhile."""
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 600
    try:
        with open(handle, "wb") as file:
            file.write(content)
        # A link, not a rename: it fails where another process was first.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)


def tighten(path: Path) -> None:
    """Take others' rights to what is there, and say so: they may have read it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    if not mode & 0o077:
        return
    try:
        path.chmod(mode & 0o700)
    except OSError as error:
        _log.warning("Others may read %s, and its mode can't be changed: %s", path, error.strerror)
    else:
        _log.warning("Others could read %s; now only its owner can", path)
