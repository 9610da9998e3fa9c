"""Who calls, and the transaction in which they are served: one a request.

Each context manager gives what a service needs. Before a change the caller is looked up again, with
the org's lock held: a token may have been revoked while it waited. A ``scope`` is the one that lets
a service in; where none is named, no service is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from flask import request
from sqlalchemy.orm import Session

import metrics
from context import context
from models.database import after_commit
from models.member_session import USER_AGENT_LENGTH
from models.reach import NO_ORG
from routes import addresses, request_log, sign_in_limit, turns, write_limit
from services import access_codes, callers, orgs_of_users
from services.bearer_tokens import AnyToken
from services.callers import Bearer, CodeHolder, TokenBearer
from services.change import Change, Client, NoSuchOrg, changing, changing_locked
from services.clock_state import NOTHING_ELSE, Asked
from services.errors import AccessCodeRejected, AccountNotAllowed, NotAuthenticated, Refusal
from services.times import utc_now
from services.tokens import Token
from wire.authorization import ORG_HEADER, named_org, token_in


def bearer_token(*, in_any_org: bool = False) -> tuple[AnyToken, UUID]:
    """The request's token, its signature and time being right, and the id of the org it is for.

    :param in_any_org: where the user is in several and names none, take the first
    :raises NotAuthenticated: it is not good, or, where a server shares its threads out and does
        not know whose the request is, the bearer may not call
    :raises OrgRequired: the user is in several
    :raises ValidationFailed: Presence-Org is no id
    """
    here = context()
    token: AnyToken = token_in(request.headers.get("Authorization"), here.settings, here.issuers)
    request_log.tell(**token.claims.known_as)
    if isinstance(token, Token):
        org_id = token.claims.org_id
    else:
        named = named_org(token.claims, request.headers.get(ORG_HEADER))
        org_id = named or _only_org(token.claims.user_id, in_any_org)
        token = token.within(org_id)
    if not turns.is_known_as(org_id):
        # Who may not call has no share of the org's, and waits for no lock of it.
        with here.database.read(org_id) as session:
            callers.by_token(session, token)
        turns.tell(org_id)
    return token, org_id


def _only_org(user_id: UUID, in_any_org: bool) -> UUID:
    """:raises OrgRequired: the user is in several
    :raises NotAuthenticated: or in none
    """
    with context().database.read(NO_ORG) as session:
        orgs = orgs_of_users.find(session, [user_id]).get(user_id, [])
    if in_any_org:
        orgs = [org for org in orgs if org.active][:1]
    return orgs_of_users.only_active(orgs)


def _require_scope(caller: Bearer, scope: str | None) -> None:
    """Note that a service was used, and refuse what it may not do.

    :raises InsufficientScope: the caller is a service without this scope
    """
    if caller.is_service:
        context().service_uses.note(caller.org.id, caller.member.id, utc_now())
    callers.require_scope(
        caller.member.role,
        caller.token.claims,
        scope,
        is_from_page="Origin" in request.headers,
    )


@contextmanager
def reading(*, scope: str | None = None) -> Iterator[tuple[Session, TokenBearer]]:
    """A ``read()`` transaction for the bearer.

    :raises InsufficientScope: the bearer is a service without this scope
    """
    token, org_id = bearer_token()
    with context().database.read(org_id) as session:
        caller = callers.by_token(session, token)
        _require_scope(caller, scope)
        yield session, caller


@contextmanager
def writing(
    *, scope: str | None = None, in_any_org: bool = False
) -> Iterator[tuple[Session, TokenBearer]]:
    """A ``write()`` transaction for the bearer, for what no view shows: it locks no org.

    :param in_any_org: as for :func:`bearer_token`
    :raises TooManyRequests: the bearer has written too often
    :raises InsufficientScope: the bearer is a service without this scope
    """
    token, org_id = bearer_token(in_any_org=in_any_org)
    write_limit.require_patience(org_id, token.claims.user_id)
    with context().database.write(org_id, turns.patience()) as session:
        caller = callers.by_token(session, token)
        write_limit.count(session, caller.member)
        _require_scope(caller, scope)
        yield session, caller


@contextmanager
def reading_as_admin(*, scope: str | None = None) -> Iterator[tuple[Session, TokenBearer]]:
    """A ``read()`` transaction for the bearer.

    :raises AdminOnly: the bearer is not an admin
    :raises InsufficientScope: the bearer is a service without this scope
    """
    with reading(scope=scope) as (session, caller):
        caller.require_admin()
        yield session, caller


@contextmanager
def changing_by_token(
    key: str | None = None, *, scope: str | None = None
) -> Iterator[tuple[Change, TokenBearer]]:
    """The locked org of the bearer.

    :param key: the request's Idempotency-Key
    :raises TooManyRequests: the bearer has written too often
    :raises InsufficientScope: the bearer is a service without this scope
    """
    token, org_id = bearer_token()
    write_limit.require_patience(org_id, token.claims.user_id)
    with (
        context().database.write(org_id, turns.patience()) as session,
        _locked(session, org_id, NotAuthenticated(token.claims.stranger)) as change,
    ):
        caller = callers.by_token(session, token, key=key)
        write_limit.count(session, caller.member)
        _require_scope(caller, scope)
        yield change, caller


@contextmanager
def clocking_by_token(
    asked: Asked = NOTHING_ELSE, key: str | None = None, *, scope: str | None = None
) -> Iterator[tuple[Change, Bearer]]:
    """The locked org of the bearer, read together with what a clock event is decided by.

    :param key: the request's Idempotency-Key
    :raises TooManyRequests: the bearer has written too often
    :raises InsufficientScope: the bearer is a service without this scope
    """
    token, org_id = bearer_token()
    write_limit.require_patience(org_id, token.claims.user_id)
    if asked.account_id is None:
        asked = asked._replace(account_id=token.claims.account_id)
    here = context()
    with here.database.write(org_id, turns.patience()) as session:
        caller = callers.at_clock(session, token, org_id, asked, key=key)
        with changing_locked(
            session, caller.org, settings=here.settings, clock=utc_now, client=_client()
        ) as change:
            write_limit.count(session, caller.member)
            _require_scope(caller, scope)
            yield change, caller


@contextmanager
def changing_as_admin(*, scope: str | None = None) -> Iterator[tuple[Change, TokenBearer]]:
    """The locked org of the bearer.

    :raises AdminOnly: the bearer is not an admin
    :raises InsufficientScope: the bearer is a service without this scope
    """
    with changing_by_token(scope=scope) as (change, caller):
        caller.require_admin()
        yield change, caller


@contextmanager
def clocking_by_access_code(
    typed: str, asked: Asked = NOTHING_ELSE, key: str | None = None
) -> Iterator[tuple[Change, CodeHolder]]:
    """The locked org of the member with this access code, read together with what a clock event is
    decided by.

    :param key: the request's Idempotency-Key
    :raises AccessCodeRejected: it lets nobody in
    :raises TooManyAttempts: the client's address sent too many that did not
    :raises TooManyRequests: the member has written too often
    """
    here = context()
    try:
        reach = access_codes.org_of(typed, here.settings)
        with here.database.write(reach, turns.patience()) as session:
            entered = sign_in_limit.look(session, typed)
            if asked.account_id is None:
                asked = asked._replace(account_id=entered.account_id)
            caller = callers.by_access_code(session, entered, asked, key=key)
            with changing_locked(
                session, caller.org, settings=here.settings, clock=utc_now, client=_client()
            ) as change:
                caller.raise_if_expired(change.now)
                after_commit(session, metrics.SIGN_INS.labels("accepted").inc)
                request_log.tell(member=caller.member.id)
                write_limit.count(session, caller.member)
                access_codes.record_use(change, caller.code, typed)
                try:
                    yield change, caller
                except AccountNotAllowed:
                    sign_in_limit.record_not_allowed(change, typed)
                    raise
    except AccessCodeRejected:
        sign_in_limit.refuse(typed)


@contextmanager
def _locked(session: Session, org_id: UUID, otherwise: Refusal) -> Iterator[Change]:
    """The locked org, or ``otherwise`` where it is gone."""
    try:
        with changing(
            session, org_id, settings=context().settings, clock=utc_now, client=_client()
        ) as change:
            yield change
    except NoSuchOrg:
        raise otherwise from None


def _client() -> Client:
    """Who sent the request; what it calls itself is cut, and rid of what no terminal should see."""
    said = request.headers.get("User-Agent", "")
    if not said.isprintable():
        said = "".join(filter(str.isprintable, said))
    return Client(addresses.text(), said[:USER_AGENT_LENGTH] or None)
