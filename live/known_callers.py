"""Whose a verified token is, by memory alone: the org, and the membership in it."""

from uuid import UUID

from live.org_state import MemberState, OrgState
from live.user_orgs import UserOrgs
from live.watch_cache import CachedOrg, WatchCache
from services import callers, orgs_of_users
from services.bearer_tokens import AnyClaims
from services.errors import NotAuthenticated, Refusal
from services.issuer_tokens import IssuerClaims
from wire.authorization import named_org


class KnownCallers:
    """Those of one process. Nothing here waits."""

    def __init__(self, cache: WatchCache, user_orgs: UserOrgs) -> None:
        self._cache = cache
        self._user_orgs = user_orgs

    def org_of(self, claims: AnyClaims, named: str | None, asked_at: float) -> CachedOrg:
        """The org that a request is about.

        :param named: its ``Presence-Org``
        :param asked_at: by ``time.monotonic()``: what a read from then on finds is final
        :raises NotFresh: the org has to be read first
        :raises NotResolved: the user's orgs have to be
        """
        if not isinstance(claims, IssuerClaims):
            return self._cache.fresh(claims.org_id, asked_at)
        org_id = named_org(claims, named)
        if org_id is None:
            org_id = self._only_org(claims, asked_at)
        else:
            self._require_member(claims, org_id, asked_at)
        return self._cache.fresh(org_id, asked_at)

    def _only_org(self, claims: IssuerClaims, asked_at: float) -> UUID:
        try:
            return orgs_of_users.only_active(self._user_orgs.of(claims.user_id, asked_at))
        except Refusal:
            return orgs_of_users.only_active(self._user_orgs.final(claims.user_id, asked_at))

    def _require_member(self, claims: IssuerClaims, org_id: UUID, asked_at: float) -> None:
        """Read no org into memory because a stranger names it."""
        if self._cache.has_member(org_id, claims.user_id):
            return
        for known in (self._user_orgs.of, self._user_orgs.final):
            if any(org.id == org_id for org in known(claims.user_id, asked_at)):
                return
        raise NotAuthenticated(claims.stranger)


def as_known(claims: AnyClaims, state: OrgState | None) -> tuple[OrgState, MemberState]:
    """The org and the membership of the bearer of a token.

    :raises NotAuthenticated: the membership is gone, deactivated, or its tokens are revoked
    """
    member = state.member(claims) if state is not None else None
    if state is None or member is None:
        raise NotAuthenticated(claims.stranger)
    ended = None if claims.session_id is None else state.ended.get(claims.session_id)
    callers.raise_if_revoked(member, claims, ended=ended)
    return state, member
