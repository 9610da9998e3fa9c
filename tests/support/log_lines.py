"""The lines of the request log."""

from collections.abc import Callable

Lines = Callable[[], list[str]]
