"""Programs that a machine may lack: what needs one is skipped there, but not under CI."""

import os
import re
from collections import Counter
from collections.abc import Iterable

import pytest

from dev_programs import found, installing

MISSING = "there is no {}. To run this test: {}"
REASON = re.compile(r"there is no (\w+)\. To run this test: ")


def program(name: str) -> str:
    """Where it is."""
    where = found(name)
    if where is None:
        stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        stop(MISSING.format(name, installing([name])))
    return where


def summary(reasons: Iterable[str]) -> list[str]:
    """What to tell of tests that were skipped for these reasons, and how to run them."""
    missing = Counter(match[1] for reason in reasons if (match := REASON.search(reason)))
    if not missing:
        return []
    counts = ", ".join(f"{name} ({count})" for name, count in sorted(missing.items()))
    return [
        f"{missing.total()} tests were skipped, because programs are missing: {counts}.",
        f"To run them, on Debian or Ubuntu: {installing(missing)}",
    ]
