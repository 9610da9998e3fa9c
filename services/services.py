"""Services: members that are no person, with a token for what their scopes allow."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from models import Membership, Service
from models.roles import SERVICE
from services import audit_log, erasing, members, sessions
from services.change import Change
from services.errors import NotFound, ValidationFailed
from services.times import rfc3339
from services.tokens import Token

# contract.md, "Services"
LONGEST = timedelta(days=365)
USUAL = timedelta(days=90)


class Described(NamedTuple):
    """A service: its membership, and what it has beside it."""

    member: Membership
    service: Service

    @property
    def scopes(self) -> Sequence[str]:
        return self.service.scope.split()


def add(
    change: Change,
    *,
    name: str,
    scopes: Sequence[str],
    actor: Membership | None,
    expires_at: datetime | None = None,
) -> tuple[Described, Token]:
    """Make a service, and the only token that it will ever have.

    :param scopes: of ``services/scopes.py``, each once
    :param actor: the admin who does it; None for an operator's command
    :param expires_at: when the token does, if not after :data:`USUAL`
    :raises ValidationFailed: that is in the past, or more than :data:`LONGEST` away
    """
    ends_at = sessions.whole_second(change.now + USUAL if expires_at is None else expires_at)
    if not change.now < ends_at <= change.now + LONGEST:
        raise ValidationFailed({"expires_at": [f"Must be within {LONGEST.days} days from now."]})
    member = members.join(change, name, SERVICE)
    scope = " ".join(scopes)
    service = Service(
        membership_id=member.id, org_id=member.org_id, scope=scope, expires_at=ends_at
    )
    change.session.add(service)
    _, token = sessions.begin(change, member, expires_at=ends_at, scope=scope)
    change.members_changed()
    known = {"scopes": list(scopes), "expires_at": rfc3339(ends_at)}
    audit_log.record(change, "service_added", actor=actor, member=member, details=known)
    return Described(member, service), token


def list_services(session: Session, org_id: UUID) -> list[Described]:
    """The org's services by name, also those whose token has expired."""
    found = session.execute(
        select(Membership, Service)
        .join(Service, Service.membership_id == Membership.id)
        .where(Membership.org_id == org_id)
    )
    every = [Described(row.Membership, row.Service) for row in found]
    return sorted(every, key=lambda each: (each.member.display_name.casefold(), each.member.id))


def remove(change: Change, service_id: UUID, *, actor: Membership | None) -> None:
    """Delete a service. Its token is dead; the history and the audit log keep what it did.

    :param actor: the admin who does it; None for an operator's command
    :raises NotFound: the org has no such service
    """
    member = change.session.scalar(
        select(Membership).where(
            Membership.id == service_id,
            Membership.org_id == change.org.id,
            Membership.role == SERVICE,
        )
    )
    if member is None:
        raise NotFound("service")
    audit_log.record(change, "service_removed", actor=actor, member=member)
    erasing.delete_membership(change.session, member)
    change.members_changed()


def record_use(session: Session, used: Mapping[UUID, datetime]) -> None:
    """Record when services were last used. No view shows it, so the org is not locked.

    :param used: the minutes, by the ids of the services
    """
    table = Service.__table__
    is_later = or_(table.c.last_used_at.is_(None), table.c.last_used_at < bindparam("minute"))
    statement = (
        update(Service.__table__)  # type: ignore[arg-type]
        .where(table.c.membership_id == bindparam("id"), is_later)
        .values(last_used_at=bindparam("minute"))
    )
    # In one order: otherwise two processes can deadlock.
    uses = [{"id": id_, "minute": minute} for id_, minute in sorted(used.items())]
    session.connection().execute(statement, uses)
