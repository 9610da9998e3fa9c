"""The people, places and events of the model in rules.py."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID


class Refused(NamedTuple):
    code: str
    fields: dict[str, Any]


@dataclass(eq=False)
class Person:
    id: UUID
    user_id: UUID
    name: str
    role: str


@dataclass(eq=False)
class Place:
    id: UUID
    name: str


@dataclass(eq=False)
class Stay:
    """A presence, from its beginning to after its end."""

    person: Person
    place: Place
    clocked_in_at: datetime
    began: datetime  # by the history's time
    seen: datetime
    id: UUID | None = None  # the service chooses it
    stale_since: datetime | None = None
    ended: str = ""  # the reason of a 410
    ran_out_at: datetime | None = None
    clocked_out_late: bool = False


@dataclass
class Event:
    kind: str
    stay: Stay
    occurred_at: datetime
    actor: Person | None = None
    reason: str | None = None
    left: Stay | None = None
    # As they were then.
    names: tuple[str, str] = ("", "")
    received_at: datetime | None = None
    version: int = 0

    def as_row(self) -> tuple[Any, ...]:
        return (
            self.kind,
            (self.stay.place.id, self.names[0]),
            (self.stay.person.user_id, self.names[1]),
            self.stay.id,
            self.actor and self.actor.user_id,
            self.reason,
            (self.occurred_at, self.received_at),
            self.version,
            (self.left.place.id, self.left.id) if self.left else (None, None),
        )


def wire(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def quoted(cell: str) -> str:
    return "'" + cell if cell[:1] in set("=+-@") else cell


def filled(row: dict[str, str | None]) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if cell}
