"""The gate: an ASGI application in front of Flask that answers polls from memory.

It answers ``GET`` and ``HEAD /v1/presence`` byte for byte as Flask would, made by the same
functions (``wire/answers.py``), and hands everything else, and every doubt, down to Flask.
"""

import logging
from time import monotonic

from live import poll_log
from live.cached_poll import Asked, CachedPoll, PollAnswer, RawHeaders
from live.counters import Counters
from live.flask_bridge import FlaskBridge, Receive, Scope, Send, raw, send_answer
from live.long_poll import LongPoll, seconds_to_wait
from live.sight import Sight, known_to_client, seen, text_of
from live.token_cache import TokenCache
from live.watch_cache import Unavailable, WatchCache
from services.errors import NotAuthenticated
from settings import Settings
from wire import answers, problems, request_ids, security_headers, tags
from wire.answers import Answer
from wire.header_lists import LIST_BYTES

PATH = answers.POLLED_PATH
RAW_PATH = PATH.encode()
# What the answer to a poll depends on. A poll with any of these twice is Flask's, and so is one
# with any of OTHERS, which asks for more than a poll.
ASKING = (
    b"authorization",
    b"if-none-match",
    b"accept",
    b"origin",
    b"prefer",
    b"presence-min-version",
)
OTHERS = frozenset((b"content-length", b"transfer-encoding", b"upgrade"))
RELEVANT = OTHERS.union(ASKING)

log = logging.getLogger("presence.gate")


class Gate:
    """One process's gate; ``asgi.py`` puts it together."""

    def __init__(
        self,
        settings: Settings,
        cache: WatchCache,
        flask: FlaskBridge,
        counters: Counters,
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._tokens = TokenCache(settings)
        self._flask = flask
        self._counters = counters
        self._is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        # As it was sent: routes/paths.py.
        if scope["raw_path"] != RAW_PATH or scope["method"] not in ("GET", "HEAD"):
            await self._flask(scope, receive, send)
            return
        asked = _asked(scope["headers"])
        if asked is None or scope["query_string"]:
            self._counters.delegated["headers" if asked is None else "query"] += 1
            await self._flask(scope, receive, send)
            return
        bearer = self._tokens.known(asked.get(b"authorization"))
        cached = bearer.cached if bearer is not None else None
        if cached is not None and cached.asked == asked and cached.is_fresh(monotonic()):
            self._counters.by_gate += 1
            await self._unchanged(cached, scope, receive, send)
        else:
            await self._poll(asked, scope, receive, send)

    def stop_waiting(self) -> None:
        """Answer all who wait, because the server stops."""
        self._is_stopping = True
        self._cache.release_all()

    async def _poll(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = request_ids.of_raw(scope["headers"])
        judged = await self._judge(asked, request_id)
        self._counters.judged[judged.status] += 1
        if judged.status == 304 and judged.next is not None:
            await self._unchanged(judged.next, scope, receive, send)
        else:
            await self._tell(judged, asked, request_id, scope, send)

    async def _tell(
        self,
        judged: PollAnswer,
        asked: Asked,
        request_id: str,
        scope: Scope,
        send: Send,
        *more: tuple[bytes, bytes],
    ) -> None:
        """Answer, with ``more`` headers."""
        if judged.code is not None:
            poll_log.note(
                judged.status,
                judged.code,
                bearer=self._tokens.known(asked.get(b"authorization")),
                scope=scope,
                request_id=request_id,
                counters=self._counters,
                trusted_proxies=self._settings.trusted_proxies,
            )
        headers = [*judged.headers, *more]
        if judged.status != 304:
            headers.append(request_ids.raw(request_id))
        await send_answer(judged.status, headers, judged.body, scope, send)

    async def _unchanged(
        self, cached: CachedPoll, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer 304; or, to a client that is ready to wait, what is so when it has waited."""
        seconds = seconds_to_wait(cached.asked.get(b"prefer"))
        if seconds:
            await self._hold(cached, seconds, scope, receive, send)
            return
        lane = scope.get("presence.lane")
        if lane is not None and cached.is_short:
            lane.learn(scope, cached)
        await send_answer(304, cached.headers, b"", scope, send)

    async def _hold(
        self, cached: CachedPoll, seconds: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer when the cached has another answer, or the time is up."""
        deadline, request_id = monotonic() + seconds, request_ids.of_raw(scope["headers"])
        judged = PollAnswer(304, cached.headers, b"", cached)
        with LongPoll(receive) as waiter:
            while not self._is_stopping and judged.status == 304 and judged.next is not None:
                left = min(deadline, judged.next.expires_at) - monotonic()
                if not await waiter.wait(cached.org, cached.view, left):
                    break  # a client that has only stopped talking hears what is so now
                if not judged.next.is_fresh(monotonic()):
                    judged = await self._judge(cached.asked, request_id)
                if monotonic() >= deadline:
                    break
        lane = scope.get("presence.lane")
        if lane is not None:
            lane.renew_date()
        applied = (b"preference-applied", b"wait=%d" % seconds)
        await self._tell(judged, cached.asked, request_id, scope, send, applied)

    async def _judge(self, asked: Asked, request_id: str) -> PollAnswer:
        """What the poll is answered now."""
        try:
            return self._answered(await self._sight(asked), asked)
        except NotAuthenticated as refusal:
            code, answer = refusal.code, problems.refused(refusal, request_id=request_id)
        except Unavailable:
            code = "database_unavailable"
            answer = problems.database_unavailable(request_id=request_id)
        except Exception:
            log.exception("Request %s failed", request_id)
            code, answer = "internal_error", problems.internal_error(request_id=request_id)
        headers = [*self._completed(answer, asked), *security_headers.RAW_HEADERS]
        return PollAnswer(answer.status, headers, answer.body, None, code)

    def _judge_from_memory(self, cached: CachedPoll) -> PollAnswer | None:
        """The same at once, where memory is sure and nothing is refused; else None."""
        asked, org = cached.asked, cached.org
        bearer = self._tokens.known(asked[b"authorization"])
        now = monotonic()
        if bearer is None or not self._cache.is_fresh(org, now):
            return None
        try:
            sight = seen(bearer, org, asked)
        except NotAuthenticated:
            return None
        if known_to_client(asked, sight) > sight.version:
            return None
        org.polled_at = now
        judged = self._answered(sight, asked)
        self._counters.judged[judged.status] += 1
        return judged

    def _answered(self, sight: Sight, asked: Asked) -> PollAnswer:
        """The answer of one who may see, and what they will ask next."""
        unchanged = self._completed(answers.unchanged(sight.tag, self._settings), asked)
        if tags.matches(text_of(asked, b"if-none-match"), sight.tag):
            status, headers, body = 304, unchanged, b""
        else:
            status, body = 200, sight.body()
            of_body = raw(answers.of_body(body, sight.media_type))
            headers = [*of_body, *unchanged, *security_headers.RAW_HEADERS]
            asked = {**asked, b"if-none-match": sight.tag.encode()}
        cached = CachedPoll(
            self._cache,
            sight.org,
            sight.state,
            sight.view,
            asked=asked,
            tag=sight.tag.encode(),
            expires_at=sight.expires_at,
            headers=unchanged,
            judge=self._judge_from_memory,
        )
        sight.bearer.cached = cached if cached.is_short else None
        return PollAnswer(status, headers, body, cached)

    def _completed(self, answer: Answer, asked: Asked) -> RawHeaders:
        answers.complete(answer.headers, PATH, text_of(asked, b"origin"), self._settings)
        return raw(answer.headers)

    async def _sight(self, asked: Asked) -> Sight:
        bearer = self._tokens.bearer(asked.get(b"authorization"))
        org = await self._cache.sure(bearer.token.claims.org_id)
        try:
            sight = seen(bearer, org, asked)
        except NotAuthenticated:
            # The token may be newer than this memory: a new member's, or one after a revocation.
            org = await self._cache.sure(org.id, since=monotonic())
            sight = seen(bearer, org, asked)
        if known_to_client(asked, sight) > sight.version:
            # Never back in time: the client has seen more than this memory has.
            org = await self._cache.sure(org.id, since=monotonic())
            sight = seen(bearer, org, asked)
        return sight


def _asked(headers: RawHeaders) -> Asked | None:
    """The headers that the answer depends on, or None where in doubt.

    They are kept as long as the client polls, so what is too long to be read is left out.
    """
    asked: Asked = {}
    for name, value in headers:
        if name in RELEVANT:
            if name in asked or name in OTHERS:
                return None
            asked[name] = value if len(value) <= LIST_BYTES or name == b"authorization" else b""
    return asked
