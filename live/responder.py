"""What a poll is answered, by memory alone: 304, 200, 401, 403 or 422.

Nothing here waits, and nothing touches a socket. Where memory can't vouch for an answer, one of
``NOT_YET`` (live/missing.py) says what would do: a read, or the verification of a token.
"""

from time import monotonic, time

from live.asgi import RawHeaders, raw
from live.cached_poll import CachedPoll, PollAnswer
from live.known_callers import KnownCallers, as_known
from live.missing import NOT_YET, NotPrepared
from live.poll import Poll, PollHeaders
from live.token_cache import Bearer, TokenCache
from live.user_orgs import UserOrgs
from live.watch_cache import CachedOrg, NotFresh, WatchCache
from service_uses import ServiceUses
from services import callers
from services.errors import NotAuthenticated, Refusal
from services.issuer_tokens import IssuerClaims
from services.scopes import PRESENCE_READ
from services.times import utc_now
from settings import Settings
from wire import answers, problems, request_ids, security_headers
from wire.answers import Answer
from wire.rendered import Viewer
from wire.representation import Representation


class Responder:
    """Decides what each poll is answered; the gate and the lane send it."""

    def __init__(
        self,
        settings: Settings,
        cache: WatchCache,
        uses: ServiceUses,
        tokens: TokenCache,
        user_orgs: UserOrgs,
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._callers = KnownCallers(cache, user_orgs)
        self._uses = uses
        self._tokens = tokens
        self._user_orgs = user_orgs

    def known_bearer(self, headers: PollHeaders) -> Bearer | None:
        """Who polls, where their token has been verified before."""
        return self._tokens.known(headers.get(b"authorization"))

    def fresh(self, headers: PollHeaders, now: float) -> CachedPoll | None:
        """The bearer's last poll, where this one asks the same and its 304 is fresh."""
        bearer = self.known_bearer(headers)
        cached = bearer.cached if bearer is not None else None
        if cached is not None and cached.poll.headers == headers and cached.is_fresh(now):
            return cached
        return None

    def answer(self, poll: Poll, request_id: str, *, asked_at: float) -> PollAnswer:
        """The answer to ``poll``.

        :param asked_at: by ``time.monotonic()``: what a read from then on finds is final
        :raises NOT_YET: memory can't vouch for it
        """
        try:
            bearer = self._tokens.bearer(poll.authorization)
            org = self._callers.org_of(bearer.token.claims, poll.org, asked_at)
            return self._of_org(org, bearer, poll, request_id, asked_at)
        except Refusal as refusal:
            refused = problems.refused(refusal, request_id=request_id)
            return self.problem(refused, refusal.code, poll, request_id)

    def problem(self, answer: Answer, code: str, poll: Poll, request_id: str) -> PollAnswer:
        """A problem, as the answer to a poll."""
        headers = [*self._completed(answer, poll), *_of_all_but_304(request_id)]
        return PollAnswer(answer.status, headers, answer.body, code=code)

    def _of_org(
        self, org: CachedOrg, bearer: Bearer, poll: Poll, request_id: str, asked_at: float
    ) -> PollAnswer:
        claims, is_final = bearer.token.claims, org.read_at >= asked_at
        try:
            state, member = as_known(claims, org.state)
        except NotAuthenticated:
            if is_final:
                if isinstance(claims, IssuerClaims) and poll.org is None and claims.org_id is None:
                    self._user_orgs.final(claims.user_id, asked_at)  # another may be the one now
                raise
            # The token may be newer than this memory: a new member's, or one after a revocation.
            raise NotFresh(org.id, asked_at) from None
        expires_at = monotonic() + claims.valid_until.timestamp() - time()
        if callers.is_service(member.role, claims):
            self._uses.note(org.id, member.id, utc_now())
            expires_at = min(expires_at, monotonic() + _seconds_left_of_minute())
        callers.require_scope(
            member.role, claims, PRESENCE_READ, is_from_page=poll.origin is not None
        )
        view = callers.view_of(member.role, claims.account_id)
        now = state.rendered.snapshot
        representation = Representation(
            Viewer(member.id, claims.user_id, view, claims.account_id),
            poll.format,
            version=now.version_of(view),
            stale_after_seconds=now.stale_after_seconds,
            settings=self._settings,
        )
        known = representation.newest_version_known(poll.if_none_match)
        if max(known, poll.min_version) > representation.view_version and not is_final:
            # Never back in time: the client has seen more than this memory has.
            raise NotFresh(org.id, asked_at)
        unchanged = self._completed(representation.not_modified(), poll)
        if representation.matches(poll.if_none_match):
            status, headers, body = 304, unchanged, b""
        else:
            plain = representation.body(state.rendered)
            if not plain.is_prepared(as_gzip=poll.accepts_gzip):
                raise NotPrepared(plain.beginning, as_gzip=poll.accepts_gzip)
            content, body = representation.content(plain, accepts_gzip=poll.accepts_gzip)
            status, headers = 200, [*raw(content), *unchanged, *_of_all_but_304(request_id)]
            poll = poll.after(representation.tag)
        cached = CachedPoll(
            self._cache,
            org,
            state,
            poll=poll,
            view=view,
            tag=representation.tag,
            expires_at=expires_at,
            headers=unchanged,
            revalidate=self._revalidate,
        )
        bearer.cached = cached if poll.is_short else None
        return PollAnswer(status, headers, body, cached)

    def _revalidate(self, cached: CachedPoll, request_id: str) -> PollAnswer | None:
        try:
            answer = self.answer(cached.poll, request_id, asked_at=monotonic())
        except NOT_YET:
            return None
        return answer if answer.code is None else None

    def _completed(self, answer: Answer, poll: Poll) -> RawHeaders:
        answers.complete(answer.headers, answers.POLLED_PATH, poll.origin, self._settings)
        return raw(answer.headers)


def _seconds_left_of_minute() -> float:
    """So that a service's polls are noted in each minute, though most only ask for a 304 again."""
    return 60 - time() % 60


def _of_all_but_304(request_id: str) -> RawHeaders:
    return [*security_headers.RAW_HEADERS, request_ids.raw(request_id)]
