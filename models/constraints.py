"""Which constraint an IntegrityError is about, on either database."""

import re

from sqlalchemy.exc import IntegrityError


def violated(error: IntegrityError) -> str | None:
    """The name of the violated unique constraint, or None where it is of another kind.

    PostgreSQL tells the name; SQLite tells the columns, from which the naming convention of
    ``models/base.py`` makes the same name.
    """
    diagnostics = getattr(error.orig, "diag", None)
    if diagnostics is not None:
        name: str | None = diagnostics.constraint_name
        return name
    columns = re.fullmatch(r"UNIQUE constraint failed: (.+)", str(error.orig))
    if columns is None:
        return None
    table = columns[1].partition(".")[0]
    return "_".join(["uq", table, *re.findall(r"\.(\w+)", columns[1])])
