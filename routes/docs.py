"""The files of ``/docs``: Swagger UI's, from its package, so that no other host is asked."""

from hashlib import sha256
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, abort, request

blueprint = Blueprint("docs", __name__)

MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
FOLDER = Path(flask_swagger_ui.__file__).parent / "dist"
NAMES = ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js")
# Read once: however many clients read slowly, they wait for the same bytes.
FILES = {name: (FOLDER / name).read_bytes() for name in NAMES}
DIGEST = sha256(b"".join(FILES.values())).hexdigest()[:16]
# Another release has another address, so that a browser need never ask again.
PATH = f"/docs/assets/{DIGEST}/"


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
