"""What Flask's requests write to the log of problems, and to the metrics."""

from typing import Any

from flask import Flask, Response, g, request

import metrics
import problem_log
from routes import addresses, request_ids


def tell(**known: Any) -> None:
    """Add to the line of Flask's current request, if it will have one: the ids of who it is."""
    g.known = {**g.get("known", {}), **known}


def register(app: Flask) -> None:
    """Count and log what ``app`` answers with a problem."""

    @app.after_request
    def note(response: Response) -> Response:
        code = g.get("problem_code")
        if code is None:
            return response
        metrics.PROBLEMS.labels(response.status_code, code).inc()
        if problem_log.is_told(response.status_code, code):
            rule = request.url_rule
            problem_log.write(
                f"{request.method} {rule.rule}" if rule else "no route",
                response.status_code,
                code,
                **g.get("known", {}),
                address=addresses.text(),
                request_id=request_ids.current(),
            )
        return response
