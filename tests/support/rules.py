"""A plain-Python model of contract.md's presence rules, written without the services."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.support.rule_events import Event, Person, Place, Refused, Stay, filled, quoted, wire

STALE_AFTER = timedelta(seconds=120)
EXPIRE_AFTER = timedelta(seconds=3600)
HEARTBEATS_APART = timedelta(seconds=15)
A_DAY = timedelta(hours=24)


@dataclass
class Model:
    """An org by the rules of contract.md. Each operation answers, or tells the refusal."""

    people: list[Person]
    places: list[Place]
    version: int
    va_version: int
    accounts_version: int
    now: datetime
    here: list[Stay] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    answers: dict[tuple[UUID, str], tuple[Any, Any]] = field(default_factory=dict)
    raised: set[str] = field(default_factory=set)
    archived: list[Place] = field(default_factory=list)

    def begin(self, now: datetime) -> None:
        self.now, self.raised = now, set()

    def publish(self) -> None:
        """Give what happened in one operation its version."""
        for name in self.raised:
            milliseconds = round(self.now.timestamp() * 1000)
            setattr(self, name, max(getattr(self, name) + 1, milliseconds))
        for event in self.events:
            event.version = event.version or self.version

    def tell(self, event: Event) -> None:
        ending = next(
            (told for told in self.events if told.stay is event.stay and told.kind == "expire"),
            None,
        )
        # What is told late happened under the names of then.
        event.names = ending.names if ending else (event.stay.place.name, event.stay.person.name)
        event.received_at = self.now
        self.events.append(event)

    def everyone_sees(self) -> None:
        self.raised |= {"version", "va_version"}

    def end(self, stay: Stay, kind: str, ended: str, occurred_at: datetime, **more: Any) -> None:
        self.here.remove(stay)
        stay.ended = ended
        self.tell(Event(kind, stay, occurred_at, **more))
        self.everyone_sees()

    def meet(self, stays: Iterable[Stay]) -> None:
        """Any write that meets a presence that has run out ends it first."""
        for stay in list(stays):
            if stay.seen + EXPIRE_AFTER <= self.now:
                stay.ran_out_at = stay.seen + EXPIRE_AFTER
                self.end(stay, "expire", "expired", stay.ran_out_at)

    def of(self, person: Person) -> Stay | None:
        return next((stay for stay in self.here if stay.person is person), None)

    def at(self, place: Place) -> Stay | None:
        return next((stay for stay in self.here if stay.place is place), None)

    def renew(self, stay: Stay) -> None:
        stay.seen = self.now
        if stay.stale_since:
            stay.stale_since = None
            self.tell(Event("resume", stay, self.now, stay.person))
            self.raised.add("version")

    def remembered(self, person: Person, key: str | None, request: Any) -> Any:
        """The first answer to the key, a refusal, or None."""
        if key is None or (person.id, key) not in self.answers:
            return None
        first, answer = self.answers[person.id, key]
        return answer if first == request else Refused("idempotency_key_reused", {})

    def clock_in(
        self, person: Person, place: Place, occurred_at: datetime | None, key: str | None
    ) -> Any:
        request = ("clock-in", place, occurred_at)
        answer = self.remembered(person, key, request)
        if isinstance(answer, Refused):
            return answer
        if answer:
            self.meet(stay for stay in self.here if stay.person is person)
            stay = answer[1]
            return Refused("presence_ended", {"reason": stay.ended}) if stay.ended else answer
        if place in self.archived:
            return Refused("account_not_found", {})
        self.meet(stay for stay in self.here if stay.person is person or stay.place is place)
        own, holder = self.of(person), self.at(place)
        if own and own is holder:
            self.renew(own)
            answer = (200, own, None)
        elif holder:
            return Refused("account_occupied", self.for_admins(person, holder))
        else:
            answer = (201, self.enter(person, place, own, occurred_at), own and own.place.id)
        if key:
            self.answers[person.id, key] = request, answer
        return answer

    def enter(
        self, person: Person, place: Place, own: Stay | None, occurred_at: datetime | None
    ) -> Stay:
        own_events = [
            event for event in self.events if event.stay.person is person and event.kind != "stale"
        ]
        earliest = max([self.now - A_DAY, *(event.occurred_at for event in own_events)])
        began = min(max(occurred_at or self.now, earliest), self.now)
        stay = Stay(person, place, self.now, began, self.now)
        if own:
            own.ended = "switched"
            self.here.remove(own)
        self.here.append(stay)
        self.tell(Event("switch" if own else "clock_in", stay, began, person, left=own))
        self.everyone_sees()
        return stay

    def for_admins(self, person: Person, holder: Stay) -> dict[str, Any]:
        if person.role != "admin":
            return {}
        told = {
            "display_name": holder.person.name,
            "clocked_in_at": wire(holder.clocked_in_at),
            "state": "stale" if holder.stale_since else "active",
        }
        return {"holder": told}

    def clock_out(
        self,
        person: Person,
        stay: Stay | None,
        presence_id: UUID | None,
        reason: str,
        occurred_at: datetime | None,
        key: str | None,
    ) -> Any:
        """:param stay: what ``presence_id`` names, if it names any"""
        request = ("clock-out", presence_id, reason, occurred_at)
        answer = self.remembered(person, key, request)
        if answer:
            return answer
        self.meet(stay for stay in self.here if stay.person is person)
        own = self.of(person)
        if presence_id and (own is None or own is not stay):
            if stay and stay.person is person and stay.ran_out_at and not stay.clocked_out_late:
                stay.clocked_out_late = True
                at = min(max(occurred_at or self.now, stay.seen), stay.ran_out_at)
                self.tell(Event("clock_out", stay, at, person, reason))
            return self.ended(stay, person)
        if own:
            at = min(max(occurred_at or self.now, own.began), self.now)
            self.end(own, "clock_out", "clocked_out", at, actor=person, reason=reason)
        answer = {"cleared": own is not None, "account_id": str(own.place.id) if own else None}
        if key:
            self.answers[person.id, key] = request, answer
        return answer

    def ended(self, stay: Stay | None, of: Person | Place) -> Refused:
        theirs = stay if stay and of in (stay.person, stay.place) else None
        return Refused("presence_ended", {"reason": theirs.ended if theirs else "unknown"})

    def heartbeat(self, person: Person, stay: Stay | None) -> Any:
        self.meet(stay for stay in self.here if stay.person is person)
        if stay is None or stay is not self.of(person):
            return self.ended(stay, person)
        if stay.stale_since or stay.seen <= self.now - HEARTBEATS_APART:
            self.renew(stay)
        return None

    def sweep(self) -> Any:
        known = len(self.events)
        self.meet(self.here)
        ended = len(self.events) - known
        for stay in self.here:
            if stay.seen + STALE_AFTER <= self.now and not stay.stale_since:
                stay.stale_since = self.now
                self.tell(Event("stale", stay, stay.seen + STALE_AFTER))
                self.raised.add("version")
        return len(self.events) - known - ended, ended

    def force_clear(
        self, person: Person, place: Place, stay: Stay | None, by_id: bool, reason: str | None
    ) -> Any:
        """:param stay: what the request's ``presence_id`` names, where it is made ``by_id``"""
        if person.role != "admin":
            return Refused("admin_only", {})
        self.meet(stay for stay in self.here if stay.place is place)
        holder = self.at(place)
        if by_id and (holder is None or holder is not stay):
            return self.ended(stay, place)
        if holder is None:
            return Refused("not_occupied", {})
        self.end(holder, "force_clear", "force_cleared", self.now, actor=person, reason=reason)
        return None

    def rename_member(self, person: Person, name: str) -> None:
        self.meet(stay for stay in self.here if stay.person is person)
        person.name = name
        if self.of(person):
            self.raised.add("version")

    def rename_account(self, place: Place, name: str) -> Any:
        others = [other for other in [*self.places, *self.archived] if other != place]
        if any(name.casefold() == other.name.casefold() for other in others):
            return Refused("name_taken", {})
        place.name = name
        self.everyone_sees()
        self.raised.add("accounts_version")
        return None

    def deactivate(self, person: Person, actor: Person) -> Any:
        admins = [other for other in self.people if other.role == "admin"]
        if admins == [person]:
            return Refused("last_admin", {})
        self.meet(stay for stay in self.here if stay.person is person)
        if own := self.of(person):
            why = {"actor": actor, "reason": "deactivated"}
            self.end(own, "force_clear", "force_cleared", self.now, **why)
        self.people.remove(person)
        return None

    def rows(self, viewer: Person) -> list[dict[str, str]]:
        """What a table shows the viewer, without the cells that are empty."""
        return [
            filled(self.entry(viewer, stay) | {"account_name": stay.place.name})
            for stay in sorted(self.here, key=lambda stay: stay.place.id)
        ]

    def csv_rows(self, viewer: Person) -> list[dict[str, str]]:
        rows = self.table_rows(viewer)
        return [{name: quoted(cell) for name, cell in row.items()} for row in rows]

    def table_rows(self, viewer: Person) -> list[dict[str, str]]:
        body = self.body(viewer)
        versions = {
            name: str(body[name]) for name in ("version", "accounts_version", "stale_after")
        }
        me = {"row": "me"}
        if mine := self.of(viewer):
            own = dict(body["me"])
            me |= {"presence_id": own.pop("id"), "account_name": mine.place.name, **own}
        rows = [*({"row": "presence", **row} for row in self.rows(viewer)), me]
        return [row | versions for row in rows]

    def entry(self, viewer: Person, stay: Stay) -> dict[str, str | None]:
        if viewer.role == "va":
            return {"account_id": str(stay.place.id)}
        return {
            "account_id": str(stay.place.id),
            "presence_id": str(stay.id),
            "user_id": str(stay.person.user_id),
            "display_name": stay.person.name,
            "clocked_in_at": wire(stay.clocked_in_at),
            "state": "stale" if stay.stale_since else "active",
            "last_seen_at": wire(stay.seen) if stay.stale_since else None,
        }

    def version_for(self, viewer: Person) -> int:
        return self.version if viewer.role == "admin" else self.va_version

    def below_the_table(self, viewer: Person) -> str:
        body = self.body(viewer)
        me = " ".join(f"{name}={value}" for name, value in (body["me"] or {}).items()) or "none"
        names = ("version", "view", "accounts_version", "stale_after")
        return f"me: {me}\n" + " ".join(f"{name}={body[name]}" for name in names) + "\n"

    def body(self, viewer: Person) -> dict[str, Any]:
        mine = self.of(viewer)
        return {
            "version": self.version_for(viewer),
            "view": viewer.role,
            "accounts_version": self.accounts_version,
            "stale_after": 120,
            "presence": [
                self.entry(viewer, stay)
                for stay in sorted(self.here, key=lambda stay: stay.place.id)
            ],
            "me": mine
            and {
                "id": str(mine.id),
                "account_id": str(mine.place.id),
                "clocked_in_at": wire(mine.clocked_in_at),
            },
        }
