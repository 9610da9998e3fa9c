"""What the protocol relies on in uvicorn is what its docstring says, and uvicorn is pinned."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from live.bounded import BoundedProtocol

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = {"bounded.py": "self", "lane.py": "self", "request_cycle.py": "protocol"}


def attributes(source: str, of: str) -> set[str]:
    """The names in ``self.name``, or in those of another variable."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == of
    }


def test_the_docstring_names_what_it_relies_on() -> None:
    used = set[str]()
    for name, of in OURS.items():
        source = (ROOT / "live" / name).read_text()
        used |= attributes(source, of) | set(re.findall(r"super\(\)\.(\w+)", source))
    theirs = attributes(inspect.getsource(HttpToolsProtocol), "self") | set(vars(HttpToolsProtocol))
    documented = set(re.findall(r"``(\w+)(?:\(\))?``", BoundedProtocol.__doc__ or ""))
    # Overridden, and called by the loop alone: those are asyncio's.
    asyncio_calls = {"data_received", "eof_received", "connection_lost", "__init__"}
    # Overridden without a call to uvicorn's.
    ours_alone = {"on_body", "timeout_keep_alive_handler"}
    assert (used & theirs) - asyncio_calls - ours_alone - documented == set()
    assert documented - theirs == set()


def test_uvicorn_is_pinned_to_a_minor_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (uvicorn,) = (
        each
        for each in project["dependencies"]
        if re.match(r"uvicorn\W", each) and "worker" not in each
    )
    assert re.fullmatch(r"uvicorn~=\d+\.\d+\.\d+", uvicorn)
