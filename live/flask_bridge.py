"""Flask behind the gate: WSGI in threads, entered with the whole request, left with the answer.

No thread waits for a client: the event loop reads bodies and sends answers. Nor does one wait for
its turn: live/shares.py says whose it is.
"""

import asyncio
from contextlib import AsyncExitStack
from time import monotonic
from uuid import UUID

from flask import Flask
from werkzeug.exceptions import HTTPException

from live import noted_problems, wsgi
from live.asgi import Receive, Scope, Send, raw, send_answer
from live.bodies import Bodies, Unread
from live.counters import Counters
from live.owners import Owners
from live.shares import ANSWERED_SECONDS, Full, Owner
from live.streaming import Streaming, TooMany
from live.token_cache import TokenCache
from live.turns import Gone, Job, Turns, Waited
from live.wsgi import Answered
from models.database import Patience
from routes import turns
from settings import Settings
from wire import answers, problems, request_ids, security_headers

THREADS = 12  # of each process, at most: few enough that busy writers leave the loop its turns
OTHER_CONNECTIONS = 8  # the sweep's two, the readers', the heartbeats' and the feed's
OF_A_DIRECTORY = 1  # where one is followed
OF_ISSUERS = 2  # where there are any: for people's orgs, and for an issuer's keys
# So that who asks again at once does not take the event loop.
FULL_SECONDS = 1.0
# It asks nothing but Flask itself: whoever watches the process is answered while others have all
# the threads, as when the database hangs.
HEALTH = b"/healthz"
BUSY = "More requests are waiting than can be answered now. Try again shortly."
BUSY_READING = "Too many exports are being read. Read them to their end, or try again shortly."


class FlaskBridge:
    """An ASGI application that hands requests to Flask."""

    def __init__(self, app: Flask, owners: Owners, tokens: TokenCache, counters: Counters) -> None:
        self._app = app
        self._settings: Settings = app.extensions["presence"].settings
        self.turns = Turns(threads_for(self._settings))
        self._bodies = Bodies(self._settings, app.extensions["presence"].issuers)
        self._streaming = Streaming()
        self._owners = owners
        self._tokens = tokens
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked_at = monotonic()
        try:
            answered, owner = await self._answered(scope, receive)
            await self._send(answered, owner, scope, send)
        except Gone:
            pass
        except Unread as unread:
            await self._refuse(unread.code, unread.detail, scope, send, closes=True)
        except Waited:
            await self._refuse("busy", BUSY, scope, send)
        except (Full, TooMany) as error:
            await asyncio.sleep(asked_at + FULL_SECONDS - monotonic())
            detail = BUSY if isinstance(error, Full) else BUSY_READING
            await self._refuse("busy", detail, scope, send)

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[Answered, Owner]:
        """Flask's answer, and to whom it is.

        :raises Gone: nobody waits for it any more
        :raises Unread: the body was not read
        :raises Waited: it was not the request's turn in time
        :raises Full: nor could it wait
        """
        # WSGI can't tell if_none_match from if-none-match: a client could pass one for the other.
        headers = [header for header in scope["headers"] if b"_" not in header[0]]
        async with AsyncExitStack() as held:
            body = await self._bodies.read(scope, headers, receive, held)
            if body is None:
                raise Gone

            owner = self._owners.of(scope, headers)
            if scope["raw_path"] == HEALTH and scope["method"] in ("GET", "HEAD") and not body:
                environ = wsgi.environ_of(scope, headers, body)
                return wsgi.run(self._app.wsgi_app, environ), owner

            def work(job: Job) -> tuple[Answered, Owner]:
                environ = wsgi.environ_of(scope, headers, body)
                environ[turns.KEY] = _TurnOfRequest(self.turns, self._owners, job, scope)
                return wsgi.run(self._app.wsgi_app, environ), job.owner

            answered, owner = await self.turns.run(owner, len(body), work, receive)
        if answered.status == 401:
            self._owners.doubt(owner)
        return answered, owner

    async def _send(self, answered: Answered, owner: Owner, scope: Scope, send: Send) -> None:
        """:raises TooMany: others are being sent that take long"""
        status, headers, body, rest = answered
        if rest is None:
            await send_answer(status, headers, body, scope, send)
        else:
            await self._streaming.send(owner.who, status, headers, body, rest, send)

    async def _refuse(
        self, code: str, detail: str, scope: Scope, send: Send, *, closes: bool = False
    ) -> None:
        """Answer in place of Flask."""
        request_id = request_ids.of_raw(scope["headers"])
        answer = problems.problem(code, detail, request_id=request_id)
        given = dict(scope["headers"])
        origin = given.get(b"origin", b"").decode("latin-1")
        answers.complete(answer.headers, scope["path"], origin, self._settings)
        security_headers.add(answer.headers)
        if closes:
            answer.headers["Connection"] = "close"
        answer.headers[request_ids.HEADER] = request_id
        noted_problems.note(
            self._route(scope),
            answer.status,
            code,
            bearer=self._tokens.known(given.get(b"authorization")),
            scope=scope,
            request_id=request_id,
            counters=self._counters,
            trusted_proxies=self._settings.trusted_proxies,
        )
        await send_answer(answer.status, raw(answer.headers), answer.body, scope, send)

    def _route(self, scope: Scope) -> str:
        """Method and route, as the log of requests has them."""
        urls = self._app.url_map.bind("")
        try:
            rule, _ = urls.match(scope["path"], scope["method"], return_rule=True)
        except HTTPException:
            return "no route"
        return f"{scope['method']} {rule.rule}"


class _TurnOfRequest:
    """What :mod:`routes.turns` asks for."""

    def __init__(self, all_turns: Turns, owners: Owners, job: Job, scope: Scope) -> None:
        self._turns = all_turns
        self._owners = owners
        self._job = job
        self._scope = scope

    def is_of(self, org_id: UUID) -> bool:
        return self._job.owner == self._owners.of_org(org_id, self._scope)

    def patience(self) -> Patience:
        now, job = monotonic(), self._job
        return Patience(job.locks_until - now, job.asked_at + ANSWERED_SECONDS - now)

    def take(self, org_id: UUID) -> None:
        self._turns.move(self._job, self._owners.of_org(org_id, self._scope))


def threads_for(settings: Settings) -> int:
    """How many: no more than have a connection each, so that none waits for one."""
    others = OTHER_CONNECTIONS + (OF_ISSUERS if settings.trusted_issuers else 0)
    others += OF_A_DIRECTORY if settings.directory_schema else 0
    return max(1, min(THREADS, settings.db_connections - others))
