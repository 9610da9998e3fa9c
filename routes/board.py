"""The board: the page at ``/`` and its files, which lie in ``web/`` and ``clients/js/src/``."""

import re
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, abort, request

blueprint = Blueprint("board", __name__)

PROJECT = Path(__file__).parent.parent
PAGE = PROJECT / "web"
CLIENT = PROJECT / "clients/js/src"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Comments that fill or end their lines, and indentation: a third of the code, and nothing to a
# browser.
COMMENTS = re.compile(rb"^ *(?:/\*(?:(?!\*/).)*\*/|//[^\n]*)$| +// [^\n]*$", re.DOTALL | re.M)
INDENTATION = re.compile(rb"^ +", re.MULTILINE)


@blueprint.get("/")
def page() -> Response:
    """The board."""
    return answer_with(PAGE, "index.html")


@blueprint.get("/board/<name>")
def board_file(name: str) -> Response:
    """A file of the page."""
    return answer_with(PAGE, name)


@blueprint.get("/client/<module>")
def client_file(module: str) -> Response:
    """A module of the JavaScript client: the board runs on the same one as everybody."""
    return answer_with(CLIENT, module)


def answer_with(folder: Path, name: str) -> Response:
    """The file, with a tag of its bytes: browsers ask each time, and so take a new release."""
    media_type = MEDIA_TYPES.get(Path(name).suffix)
    # Looked up among the names that are there: no name leads out of the folder.
    if media_type is None or name not in {file.name for file in folder.iterdir()}:
        abort(404)
    content = (folder / name).read_bytes()
    if Path(name).suffix in (".html", ".js", ".css"):
        content = condensed(content)
    response = Response(content, content_type=media_type)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    del response.headers["Date"]  # the server's own follows
    return response


@lru_cache
def condensed(code: bytes) -> bytes:
    """The code, line for line: what a browser says of a line is so of the file's."""
    kept = COMMENTS.sub(lambda found: b"\n" * found[0].count(b"\n"), code)
    return INDENTATION.sub(b"", kept)
