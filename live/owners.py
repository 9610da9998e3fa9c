"""Whose a request is, as far as memory is sure of it: an org's, or a stranger's.

What a request only says counts for nothing here. Otherwise a stranger could use up an org's share.
"""

from collections.abc import Collection
from uuid import UUID

from live.asgi import RawHeaders, Scope, client_of
from live.shares import ORGS, REPORTS, STRANGERS, Owner
from live.token_cache import TokenCache
from live.user_orgs import NotResolved, UserOrgs
from live.watch_cache import WatchCache
from services import orgs_of_users
from services.errors import Refusal
from services.issuer_tokens import IssuerClaims
from settings import Settings
from wire import client_address
from wire.authorization import ORG_HEADER, named_org

ANY_TIME = 0.0  # it matters little whose share somebody has who has just left an org
_ORG_HEADER = ORG_HEADER.lower().encode()


class Owners:
    """
    :param reports: the paths that take long to answer
    """

    def __init__(
        self,
        settings: Settings,
        cache: WatchCache,
        tokens: TokenCache,
        user_orgs: UserOrgs,
        reports: Collection[str],
    ) -> None:
        self._trusted_proxies = settings.trusted_proxies
        self._cache = cache
        self._tokens = tokens
        self._user_orgs = user_orgs
        self._reports = frozenset(path.encode() for path in reports)

    def of(self, scope: Scope, headers: RawHeaders) -> Owner:
        """The owner of a request."""
        org_id = self._org_of(headers)
        if org_id is not None:
            return self.of_org(org_id, scope)
        client = client_of(scope, self._trusted_proxies)
        return Owner(STRANGERS, client_address.counted_as(client))

    def of_org(self, org_id: UUID, scope: Scope) -> Owner:
        """The owner of a request that is an org's. What reads waits for no lock of the org."""
        if scope["raw_path"] in self._reports:
            return Owner(REPORTS, org_id)
        return Owner(ORGS, (org_id, scope["method"] in ("GET", "HEAD")))

    def _org_of(self, headers: RawHeaders) -> UUID | None:
        bearer = self._tokens.at_once(_joined(headers, b"authorization"))
        if bearer is None:
            return None
        claims = bearer.token.claims
        if not isinstance(claims, IssuerClaims):
            return claims.org_id
        named = _joined(headers, _ORG_HEADER)
        try:
            org_id = named_org(claims, None if named is None else named.decode("latin-1"))
            if org_id is not None and self._cache.has_member(org_id, claims.user_id):
                return org_id
            orgs = self._user_orgs.of(claims.user_id, ANY_TIME)
            if org_id is None:
                return orgs_of_users.only_active(orgs)
        except (NotResolved, Refusal):
            return None
        return org_id if any(org.id == org_id for org in orgs) else None


def _joined(headers: RawHeaders, name: bytes) -> bytes | None:
    """A header, as WSGI has one that is given more than once."""
    given = [value for each, value in headers if each == name]
    return b",".join(given) if given else None
