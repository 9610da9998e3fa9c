"""``/docs``: the API for people, by Swagger UI from its package, so that no other host is asked."""

import re
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote_to_bytes

import flask_swagger_ui
from flask import Blueprint, Response, abort, request

blueprint = Blueprint("docs", __name__)

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpeg": "image/jpeg",
}
FOLDER = Path(flask_swagger_ui.__file__).parent / "dist"
OURS = Path(__file__).parent / "docs_page"
IMAGE = re.compile(r'url\((?:"data:((?:[^"\\]|\\.)*)"|data:([^)"]*))\)')


def _files() -> dict[str, bytes]:
    """The page's files. The policy lets no image stand in a style sheet: each becomes a file."""
    files = {
        "swagger-ui-bundle.js": (FOLDER / "swagger-ui-bundle.js").read_bytes(),
        "start.js": (OURS / "start.js").read_bytes(),
    }

    def keep(match: re.Match[str]) -> str:
        form, _, content = re.sub(r"\\(.)", r"\1", match[1] or match[2]).partition(",")
        name = f"{len(files)}.{re.split('[/+;]', form)[1]}"
        is_base64 = form.endswith(";base64")
        files[name] = b64decode(content) if is_base64 else unquote_to_bytes(content)
        return f"url({name})"

    styles = IMAGE.sub(keep, (FOLDER / "swagger-ui.css").read_text())
    files["swagger-ui.css"] = styles.encode()
    return files


# Read once: however many clients read slowly, they wait for the same bytes.
FILES = _files()
DIGEST = sha256(b"".join(FILES.values())).hexdigest()[:16]
# Another release has another address, so that a browser need never ask again.
PATH = f"/docs/assets/{DIGEST}/"
PAGE = (OURS / "index.html").read_text().replace("@ASSETS@", PATH)


@blueprint.get("/docs")
def page() -> Response:
    response = Response(PAGE, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get(f"{PATH}<name>")
def asset(name: str) -> Response:
    if name not in FILES:
        abort(404)
    response = Response(FILES[name], content_type=MEDIA_TYPES[Path(name).suffix])
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.set_etag(DIGEST)
    response.make_conditional(request)
    del response.headers["Date"]  # the server's own follows
    return response
