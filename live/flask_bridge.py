"""Flask behind the gate: WSGI in threads, entered with the whole request, left with the answer.

No thread waits for a client: the event loop reads bodies and sends answers.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from flask import Flask

from live import wsgi
from live.asgi import Receive, Scope, Send, raw, send_answer
from live.bodies import Bodies, Unread
from settings import Settings
from wire import answers, problems, request_ids, security_headers

THREADS = 8  # of each process, at most: few enough that busy writers leave the loop its turns
OTHER_CONNECTIONS = 5  # the sweep's two, the reader's, the heartbeats' and the feed's
OF_A_DIRECTORY = 1  # where one is followed
OF_ISSUERS = 2  # where there are any: for people's orgs, and for an issuer's keys


class FlaskBridge:
    """An ASGI application that hands requests to Flask."""

    def __init__(self, app: Flask) -> None:
        self._app = app.wsgi_app
        self._settings: Settings = app.extensions["presence"].settings
        self._threads = ThreadPoolExecutor(_threads(self._settings), thread_name_prefix="flask")
        self._bodies = Bodies(self._settings, app.extensions["presence"].issuers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # WSGI can't tell if_none_match from if-none-match: a client could pass one for the other.
        headers = [header for header in scope["headers"] if b"_" not in header[0]]
        async with AsyncExitStack() as held:
            try:
                body = await self._bodies.read(scope, headers, receive, held)
            except Unread as unread:
                await self._refuse(unread, scope, send)
                return
            if body is None:
                return
            environ = wsgi.environ_of(scope, headers, body)
            loop = asyncio.get_running_loop()
            answered = await loop.run_in_executor(self._threads, wsgi.run, self._app, environ)
        await send_answer(*answered, scope, send)

    async def _refuse(self, unread: Unread, scope: Scope, send: Send) -> None:
        """Answer in place of Flask a request whose body has not been read."""
        request_id = request_ids.of_raw(scope["headers"])
        answer = problems.problem(unread.code, unread.detail, request_id=request_id)
        origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
        answers.complete(answer.headers, scope["path"], origin, self._settings)
        security_headers.add(answer.headers)
        answer.headers["Connection"] = "close"
        answer.headers[request_ids.HEADER] = request_id
        await send_answer(answer.status, raw(answer.headers), answer.body, scope, send)


def _threads(settings: Settings) -> int:
    """No more than have a connection each, so that none waits for one."""
    others = OTHER_CONNECTIONS + (OF_ISSUERS if settings.trusted_issuers else 0)
    others += OF_A_DIRECTORY if settings.directory_schema else 0
    return max(1, min(THREADS, settings.db_connections - others))
