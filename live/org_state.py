"""An org as one read of the database found it: the value that the watch cache holds."""

import sys
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models import MemberSession, Membership, Org
from models.database import Database
from models.versions import Versions
from services import snapshot
from services.bearer_tokens import AnyClaims
from services.times import utc_now
from settings import Settings
from wire.rendered import Rendered


class MemberState(NamedTuple):
    id: UUID
    user_id: UUID
    role: str
    active: bool
    token_generation: int
    tokens_valid_from: datetime | None


@dataclass(frozen=True, slots=True)
class OrgState:
    """An org as one read found it.

    :ivar by_user: the same members, by their users' ids
    :ivar ended: why a session has ended, of those with tokens that have not expired
    :ivar mark: cached polls remember it by this; a reference to all of it would keep it in memory
    """

    rendered: Rendered
    members_version: int
    members: dict[UUID, MemberState]
    ended: dict[UUID, str]
    by_user: dict[UUID, MemberState]
    mark: object = field(default_factory=object)

    def member(self, claims: AnyClaims) -> MemberState | None:
        """Whose token it is."""
        member = self.by_user.get(claims.user_id)
        of_membership = claims.membership_id
        is_theirs = member is not None and of_membership in (None, member.id)
        return member if is_theirs else None

    @property
    def versions(self) -> Versions:
        now = self.rendered.snapshot
        return Versions(
            version=now.version,
            va_version=now.va_version,
            accounts_version=now.accounts_version,
            members_version=self.members_version,
        )


def read(
    database: Database, org_id: UUID, known: OrgState | None, settings: Settings
) -> OrgState | None:
    """Read an org; ``known`` itself where nothing changed since, None where it is gone."""
    with database.read(org_id) as session:
        org = session.get(Org, org_id)
        if org is None:
            return None
        if known is None or known.members_version != org.members_version:
            members, ended = _members(session, org_id), _ended(session, org_id)
        elif known.versions == Versions.of(org):
            return known
        else:
            members, ended = known.members, known.ended
        now = snapshot.load(session, org, settings=settings)
        members_version = org.members_version
    by_user = {member.user_id: member for member in members.values()}
    rendered = Rendered(now)
    # In this thread, not in the event loop's.
    rendered.prepare_like(None if known is None else known.rendered)
    return OrgState(rendered, members_version, members, ended, by_user)


_MEMBERS = select(
    Membership.id.label("membership_id"),
    Membership.user_id,
    Membership.role,
    Membership.active,
    Membership.token_generation,
    Membership.tokens_valid_from,
).where(Membership.org_id == bindparam("org_id"))
_ENDED = select(MemberSession.id, MemberSession.ended_reason).where(
    MemberSession.org_id == bindparam("org_id"),
    MemberSession.ended_at.is_not(None),
    MemberSession.expires_at > bindparam("now"),
)


def _members(session: Session, org_id: UUID) -> dict[UUID, MemberState]:
    rows = session.connection().execute(_MEMBERS, {"org_id": org_id})
    return {
        row.membership_id: MemberState(
            id=row.membership_id,
            user_id=row.user_id,
            role=row.role,
            active=row.active,
            token_generation=row.token_generation,
            tokens_valid_from=row.tokens_valid_from,
        )
        for row in rows
    }


def _ended(session: Session, org_id: UUID) -> dict[UUID, str]:
    rows = session.connection().execute(_ENDED, {"org_id": org_id, "now": utc_now()})
    return {id_: sys.intern(str(reason)) for id_, reason in rows}
