"""Heartbeats that memory is sure of: an ASGI application in front of Flask.

It answers ``POST /v1/heartbeat`` byte for byte as Flask would, where memory shows the presence as
the caller's and fresh: at once, where this process wrote a heartbeat of it lately, else when one is
committed. Everything else is Flask's, which reads the request from its beginning.
"""

import asyncio
import logging
from contextlib import suppress
from time import monotonic

from werkzeug.datastructures import Headers

from live import noted_problems
from live.asgi import AsgiApplication, RawHeaders, Receive, Scope, Send, raw, send_answer
from live.beat import PATH, Beat, read_beat
from live.counters import Counters
from live.heartbeat_batches import HeartbeatBatches
from live.heartbeat_outcome import Outcome
from live.known_callers import KnownCallers, as_known
from live.missing import NOT_YET, Missing, NotYet
from live.token_cache import TokenCache
from live.watch_cache import Unavailable
from services.callers import is_service
from services.errors import Refusal
from settings import Settings
from wire import answers, problems, request_ids, security_headers
from wire.answers import Answer

RAW_PATH = PATH.encode()
FETCHES = 4  # for one heartbeat: its token is verified, the user's orgs and the org are read
MOST_FETCHING = 100

log = logging.getLogger("presence.heartbeats")


class Heartbeats:
    """Those of one process."""

    def __init__(
        self,
        settings: Settings,
        flask: AsgiApplication,
        counters: Counters,
        batches: HeartbeatBatches,
        *,
        tokens: TokenCache,
        known_callers: KnownCallers,
        missing: Missing,
    ) -> None:
        self._settings = settings
        self._flask = flask
        self._counters = counters
        self._batches = batches
        self._tokens = tokens
        self._callers = known_callers
        self._missing = missing
        self._fetching: set[asyncio.Task[None]] = set()
        self._done = {
            origin: self._completed(Answer(204, Headers(), b""), origin)
            for origin in (None, *settings.cors_origins)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["raw_path"] != RAW_PATH or scope["method"] != "POST":
            await self._flask(scope, receive, send)
            return
        beat, receive = await read_beat(scope, receive)
        outcome = Outcome.OF_ODD_FORM if beat is None else await self._outcome_of(beat)
        self._counters.heartbeats[outcome] += 1
        if beat is None or outcome.by == "flask":
            await self._flask(scope, receive, send)
        elif outcome is Outcome.UNAVAILABLE:
            await self._refuse(beat, scope, send)
        else:
            headers = self._done.get(beat.origin, self._done[None])
            request_id = request_ids.of_raw(scope["headers"])
            await send_answer(204, [*headers, request_ids.raw(request_id)], b"", scope, send)

    async def _outcome_of(self, beat: Beat) -> Outcome:
        asked_at = monotonic()
        try:
            if not self._is_shown(beat, asked_at):
                return Outcome.NOT_SHOWN
        except NOT_YET as what:
            if len(self._fetching) < MOST_FETCHING:
                fetching = asyncio.create_task(self._fetch(beat, asked_at, what))
                self._fetching.add(fetching)
                fetching.add_done_callback(self._fetching.discard)
            return Outcome.NOT_IN_MEMORY
        except Exception:
            log.exception("A heartbeat failed: Flask answers it")
            return Outcome.NOT_SHOWN
        if self._batches.is_written_lately(beat.presence_id):
            return Outcome.WRITTEN_LATELY
        return await self._batches.write(beat.presence_id)

    def _is_shown(self, beat: Beat, asked_at: float) -> bool:
        """Whether memory shows the presence as the caller's, and fresh.

        :param asked_at: by ``time.monotonic()``: what a read from then on finds is final
        :raises NOT_YET: memory can't vouch for it
        """
        try:
            claims = self._tokens.bearer(beat.authorization).token.claims
            org = self._callers.org_of(claims, beat.org, asked_at)
            state, member = as_known(claims, org.state)
        except Refusal:
            return False
        held = state.rendered.held_by(claims.user_id)
        return (
            held is not None
            and held.presence_id == str(beat.presence_id)
            and held.state == "active"
            and (claims.account_id is None or held.account_id == str(claims.account_id))
            and not is_service(member.role, claims)
        )

    async def _fetch(self, beat: Beat, asked_at: float, what: NotYet) -> None:
        """Fetch what memory lacks, so that the next heartbeat finds it there."""
        with suppress(Unavailable):
            for _ in range(FETCHES):
                await self._missing.fetch(what)
                try:
                    self._is_shown(beat, asked_at)
                    return
                except NOT_YET as more:
                    what = more

    async def _refuse(self, beat: Beat, scope: Scope, send: Send) -> None:
        """Answer as Flask does where the database is away."""
        request_id, code = request_ids.of_raw(scope["headers"]), "database_unavailable"
        answer = problems.database_unavailable(request_id=request_id)
        noted_problems.note(
            f"POST {PATH}",
            answer.status,
            code,
            bearer=self._tokens.known(beat.authorization),
            scope=scope,
            request_id=request_id,
            counters=self._counters,
            trusted_proxies=self._settings.trusted_proxies,
        )
        headers = [*self._completed(answer, beat.origin), request_ids.raw(request_id)]
        await send_answer(answer.status, headers, answer.body, scope, send)

    def _completed(self, answer: Answer, origin: str | None) -> RawHeaders:
        answers.complete(answer.headers, PATH, origin, self._settings)
        security_headers.add(answer.headers)
        return raw(answer.headers)
