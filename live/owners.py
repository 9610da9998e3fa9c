"""Whose a request is, as far as memory is sure of it: an org's, or a stranger's.

What a request only says counts for nothing here. Otherwise a stranger could use up an org's share.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from time import monotonic
from uuid import UUID

from live.asgi import RawHeaders, Scope, client_of
from live.known_callers import as_known
from live.shares import OPERATORS, ORGS, REPORTS, STRANGERS, Owner
from live.token_cache import TokenCache
from live.user_orgs import NotResolved, UserOrgs
from live.watch_cache import Unavailable, WatchCache
from services import orgs_of_users
from services.bearer_tokens import AnyClaims
from services.errors import NotAuthenticated, Refusal
from services.issuer_tokens import IssuerClaims
from settings import Settings
from wire import client_address
from wire.authorization import ORG_HEADER, named_org

ANY_TIME = 0.0  # it matters little whose share somebody has who has just left an org
_ORG_HEADER = ORG_HEADER.lower().encode()


class Owners:
    """
    :param reports: the paths that take long to answer
    :param operations: the paths that whoever runs the service asks for
    """

    def __init__(
        self,
        settings: Settings,
        cache: WatchCache,
        tokens: TokenCache,
        user_orgs: UserOrgs,
        *,
        reports: Collection[str],
        operations: Collection[str],
    ) -> None:
        self._trusted_proxies = settings.trusted_proxies
        self._cache = cache
        self._tokens = tokens
        self._user_orgs = user_orgs
        self._reports = frozenset(path.encode() for path in reports)
        self._operations = frozenset(path.encode() for path in operations)
        self._reading: dict[UUID, asyncio.Task[None]] = {}

    def of(self, scope: Scope, headers: RawHeaders) -> Owner:
        """The owner of a request."""
        if scope["raw_path"] in self._operations:
            return Owner(OPERATORS, self._site_of(scope))
        claims = self._claims_of(headers)
        org_id = None if claims is None else self._org_of(claims, headers)
        if claims is None or org_id is None:
            return Owner(STRANGERS, self._site_of(scope))
        if self._is_refused(claims, org_id):
            return Owner(STRANGERS, org_id)  # all of them are one stranger
        return self.of_org(org_id, scope)

    def of_org(self, org_id: UUID, scope: Scope) -> Owner:
        """The owner of a request that is an org's. What reads waits for no lock of the org."""
        if scope["raw_path"] in self._reports:
            return Owner(REPORTS, org_id)
        return Owner(ORGS, org_id, "reads" if scope["method"] in ("GET", "HEAD") else "writes")

    def doubt(self, owner: Owner) -> None:
        """Flask has refused a caller: where they had an org's share, let memory know others like
        them."""
        org_id = owner.who
        if owner.lane not in (ORGS, REPORTS) or not isinstance(org_id, UUID):
            return
        org = self._cache.orgs.get(org_id)
        is_known = org is not None and self._cache.is_fresh(org, monotonic())
        if not is_known and org_id not in self._reading:
            reading = self._reading[org_id] = asyncio.create_task(self._read(org_id))
            reading.add_done_callback(lambda _: self._reading.pop(org_id))

    async def _read(self, org_id: UUID) -> None:
        with suppress(Unavailable):
            await self._cache.read_fresh(org_id, since=monotonic())

    def _site_of(self, scope: Scope) -> str:
        return client_address.site_of(client_of(scope, self._trusted_proxies))

    def _claims_of(self, headers: RawHeaders) -> AnyClaims | None:
        bearer = self._tokens.at_once(_joined(headers, b"authorization"))
        return None if bearer is None else bearer.token.claims

    def _is_refused(self, claims: AnyClaims, org_id: UUID) -> bool:
        """Whether memory is sure that the org lets this caller do nothing."""
        org = self._cache.orgs.get(org_id)
        if org is None or not self._cache.is_fresh(org, monotonic()):
            return False
        try:
            as_known(claims, org.state)
        except NotAuthenticated:
            return True
        return False

    def _org_of(self, claims: AnyClaims, headers: RawHeaders) -> UUID | None:
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
