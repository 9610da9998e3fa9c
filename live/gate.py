"""The gate: an ASGI application in front of Flask that answers polls from memory.

It answers ``GET`` and ``HEAD /v1/presence`` byte for byte as Flask would, and hands everything else
down: to ``live/heartbeats.py``, and that to Flask. The responder says what an answer is. The gate
waits: for what the responder asks for, and for changes.
"""

import logging
from time import monotonic

from live import noted_problems
from live.asgi import AsgiApplication, Receive, Scope, Send, send_answer
from live.cached_poll import CachedPoll, PollAnswer
from live.counters import Counters
from live.held_poll import HELD, HeldPoll
from live.long_poll import LongPoll, applied
from live.missing import NOT_YET, Missing
from live.poll import Poll, poll_headers
from live.responder import Responder
from live.token_cache import TokenCache
from live.user_orgs import UserOrgs
from live.watch_cache import Unavailable, WatchCache
from service_uses import ServiceUses
from settings import Settings
from wire import problems, request_ids
from wire.answers import POLLED_PATH

RAW_PATH = POLLED_PATH.encode()
# Of the responder, to one poll: what is read after the poll came is final. The token may have to be
# verified, the user's orgs and the org to be read, each of these two once more to be sure, and the
# body to be compressed, of an org that may change meanwhile.
ANSWERS = 8

log = logging.getLogger("presence.gate")


class Gate:
    """One process's gate; ``live/application.py`` puts it together."""

    def __init__(
        self,
        settings: Settings,
        cache: WatchCache,
        flask: AsgiApplication,
        counters: Counters,
        uses: ServiceUses,
        *,
        tokens: TokenCache,
        user_orgs: UserOrgs,
        missing: Missing,
    ) -> None:
        self._trusted_proxies = settings.trusted_proxies
        self._cache = cache
        self._missing = missing
        self._responder = Responder(settings, cache, uses, tokens, user_orgs)
        self._flask = flask
        self._counters = counters
        self._is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        held: HeldPoll | None = scope.get(HELD)
        if held is not None:
            await self._hold(held, scope, receive, send)
            return
        # As it was sent: routes/paths.py.
        if scope["raw_path"] != RAW_PATH or scope["method"] not in ("GET", "HEAD"):
            await self._flask(scope, receive, send)
            return
        headers = poll_headers(scope["headers"])
        if headers is None or scope["query_string"]:
            self._counters.delegated["headers" if headers is None else "query"] += 1
            await self._flask(scope, receive, send)
            return
        cached = self._responder.fresh(headers, monotonic())
        if cached is not None:
            self._counters.by_gate += 1
            await self._not_modified(cached, scope, receive, send)
        else:
            await self._poll(Poll(headers), scope, receive, send)

    def stop_waiting(self) -> None:
        """Answer all held polls, because the server stops."""
        self._is_stopping = True
        self._cache.release_all()

    async def _poll(self, poll: Poll, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = request_ids.of_raw(scope["headers"])
        answer = await self._answer(poll, request_id)
        self._counters.by_responder[answer.status] += 1
        if answer.status == 304 and answer.next is not None:
            await self._not_modified(answer.next, scope, receive, send)
        else:
            self._note(answer, poll, request_id, scope)
            await send_answer(answer.status, answer.headers, answer.body, scope, send)

    async def _not_modified(
        self, cached: CachedPoll, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer 304, or hold the poll of a client that is ready to wait."""
        lane = scope.get("presence.lane") if cached.poll.is_short else None
        if cached.poll.wait_seconds:
            held = HeldPoll(cached, monotonic() + cached.poll.wait_seconds)
            if lane is None or self._is_stopping or not lane.take(scope, held):
                await self._hold(held, scope, receive, send)
            return
        if lane is not None:
            lane.learn(scope, cached, cached)
        await send_answer(304, cached.headers, b"", scope, send)

    async def _hold(self, held: HeldPoll, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer when there is something else to answer, or when the time is up."""
        cached = held.cached
        poll, request_id = cached.poll, request_ids.of_raw(scope["headers"])
        answer = PollAnswer(304, cached.headers, b"", cached)
        with LongPoll(receive) as waiting:
            while not self._is_stopping and answer.status == 304 and answer.next is not None:
                left = min(held.deadline, answer.next.expires_at) - monotonic()
                if held.is_due:
                    held.is_due = False
                elif not await waiting.wait(answer.next.org, answer.next.view, left):
                    break  # a client that has only half-closed still reads the answer
                if not answer.next.is_fresh(monotonic()):
                    answer = await self._answer(poll, request_id)
                if monotonic() >= held.deadline:
                    break
        lane = scope.get("presence.lane")
        if lane is not None:
            lane.renew_date()
            if answer.next is not None and answer.next.poll.is_short:
                lane.learn(scope, cached, answer.next)
        self._note(answer, poll, request_id, scope)
        headers = [*answer.headers, *applied(poll.wait_seconds)]
        await send_answer(answer.status, headers, answer.body, scope, send)

    async def _answer(self, poll: Poll, request_id: str) -> PollAnswer:
        """The responder's answer, once memory is fresh enough for it, or a problem."""
        asked_at = monotonic()
        try:
            for _ in range(ANSWERS):
                try:
                    return self._responder.answer(poll, request_id, asked_at=asked_at)
                except NOT_YET as what:
                    await self._missing.fetch(what)
            raise Unavailable
        except Unavailable:
            code = "database_unavailable"
            problem = problems.database_unavailable(request_id=request_id)
        except Exception:
            log.exception("Request %s failed", request_id)
            code, problem = "internal_error", problems.internal_error(request_id=request_id)
        return self._responder.problem(problem, code, poll, request_id)

    def _note(self, answer: PollAnswer, poll: Poll, request_id: str, scope: Scope) -> None:
        """Count and log a problem."""
        if answer.code is not None:
            noted_problems.note(
                f"{scope['method']} {POLLED_PATH}",
                answer.status,
                answer.code,
                bearer=self._responder.known_bearer(poll.headers),
                scope=scope,
                request_id=request_id,
                counters=self._counters,
                trusted_proxies=self._trusted_proxies,
            )
