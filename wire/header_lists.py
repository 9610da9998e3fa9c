"""Lists in a request's headers: what is longer than anyone's need is not read at all."""

import re

# contract.md, "Conditional requests". Parsing a list of 16 KiB stops everyone for 20 to 170 ms.
LIST_BYTES = 1024
LIST_ITEMS = 20

_QUOTED = re.compile(r'"[^"]*"')


def is_read(header: str) -> bool:
    """Whether ``header`` is short enough to be read; if not, it is as if it were not there."""
    return len(header) <= LIST_BYTES and _QUOTED.sub("", header).count(",") < LIST_ITEMS
