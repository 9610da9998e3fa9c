"""An org in a database, and the model of it, which must say the same."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import select

from models import ClockEvent, Org, Presence
from models.database import Database
from models.reach import EVERY_ORG
from models.roles import ROLES
from schemas.clock import ClockedOut
from services import accounts, callers, clocking, members, sessions, snapshot, tokens
from services.callers import Caller
from services.change import Change
from services.errors import Refusal
from services.times import utc_now
from settings import Settings
from tests.support.rule_events import Person, Place, Refused, Stay, filled
from tests.support.rules import Model
from tests.support.world import World
from wire import tags
from wire.formats import FORMATS
from wire.problems import members_of
from wire.rendered import Rendered, Viewer

NAMES = ["Acme", "Bolt, Nut & Co", "=Sum()", "Zoë “Q”", "ACME", "-minus", "@at", "+plus"]


class OrgAndModel(RuleBasedStateMachine):
    """Does operations in both, and compares what they say after each."""

    done = 0

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__()
        self.world = World(database, settings)
        self.tokens: dict[UUID, tokens.Token] = {}
        with self.world.changing() as change:
            places = [accounts.add(change, name, actor=None) for name in NAMES[:4]]
            people = [
                self.hire(change, role) for role in ("admin", "admin", "va", "va", "va", "va")
            ]
        self.model = Model(
            people,
            [Place(place.id, place.name) for place in places],
            *self.world.versions(),
            now=utc_now(),
        )
        self.stays: list[Stay] = []  # the newest first
        self.keyed: list[tuple[Any, ...]] = []
        self.told: list[Any] = []
        self.seen: dict[tuple[UUID, str], tuple[str, bytes]] = {}

    def hire(self, change: Change, role: str) -> Person:
        member = members.add(change, display_name="Ana Reyes", role=role, actor=None)
        token = sessions.hand_out(change, member, actor=None)
        self.tokens[member.id] = token
        return Person(member.id, member.user_id, member.display_name, role)

    def person(self, index: int) -> Person:
        here = [stay.person for stay in self.model.here]
        return [*here, *(other for other in self.model.people if other not in here)][index]

    def place(self, index: int, first: Iterable[Stay]) -> Place:
        """One of all, those of ``first`` coming first."""
        places = [stay.place for stay in first]
        return [*places, *(other for other in self.model.places if other not in places)][index]

    def admin(self) -> Person:
        return next(person for person in self.model.people if person.role == "admin")

    def stay(self, person: Person, which: int) -> Stay | None:
        """One of all there were: the person's own first, the newest of them first."""
        newest_first = sorted(self.stays, key=lambda stay: stay.person is not person)
        return newest_first[which] if which < len(newest_first) else None

    def operate(self, after: float, expect: Callable[[], Any], act: Callable[[Change], Any]) -> Any:
        """Do it in both, and compare what they answer; snapshots and history are compared next."""
        type(self).done += 1
        self.model.begin(self.model.now + timedelta(seconds=after))
        expected = expect()
        self.model.publish()
        try:
            with self.world.changing(self.model.now) as change:
                answer = act(change)
        except Refusal as refusal:
            answer = Refused(refusal.code, members_of(refusal.fields))
        if isinstance(answer, clocking.ClockedIn) and isinstance(expected, tuple):
            stay = expected[1]
            if stay.id is None:
                stay.id = answer.held.presence_id
                self.stays.insert(0, stay)
            assert answer.held.clocked_in_at == stay.clocked_in_at
            status = 201 if answer.is_new else 200
            answer = (status, answer.held.presence_id, answer.released_account_id)
            expected = (expected[0], stay.id, expected[2])
        if isinstance(answer, clocking.ClockedOut):
            answer = ClockedOut().dump(answer)
        assert answer == expected
        return answer

    def caller(self, change: Change, person: Person, key: str | None = None) -> Caller:
        return callers.by_token(change.session, self.tokens[person.id], key=key)

    def new_key(self, keyed: bool) -> str | None:
        return f"key {len(self.keyed)}" if keyed else None

    def queued(self, after: float, before_now: float | None) -> datetime | None:
        if before_now is None:
            return None
        return self.model.now + timedelta(seconds=after - before_now)

    @invariant()
    def presences_are_the_models(self) -> None:
        with self.world.database.read(EVERY_ORG) as session:
            rows = session.execute(
                select(
                    Presence.id,
                    Presence.account_id,
                    Presence.membership_id,
                    Presence.clocked_in_at,
                    Presence.last_heartbeat_at,
                    Presence.stale_since,
                ).where(Presence.org_id == self.world.id)
            )
            assert {tuple(row) for row in rows} == {
                (
                    stay.id,
                    stay.place.id,
                    stay.person.id,
                    stay.clocked_in_at,
                    stay.seen,
                    stay.stale_since,
                )
                for stay in self.model.here
            }

    @invariant()
    def history_grows_by_what_the_model_tells(self) -> None:
        rows = self.history_after(len(self.told))
        told = [event.as_row() for event in self.model.events[len(self.told) :]]
        # What happens in one transaction has no order among itself.
        assert sorted(rows, key=repr) == sorted(told, key=repr)
        self.told += rows

    def teardown(self) -> None:
        assert self.history_after(0) == self.told

    def history_after(self, count: int) -> list[tuple[Any, ...]]:
        """The events after the first ``count``."""
        with self.world.database.read(EVERY_ORG) as session:
            events = session.scalars(
                select(ClockEvent)
                .where(ClockEvent.org_id == self.world.id)
                .order_by(ClockEvent.seq)
                .offset(count)
            )
            return [
                (
                    event.kind,
                    (event.account_id, event.account_name),
                    (event.user_id, event.display_name),
                    event.presence_id,
                    event.actor_id,
                    event.reason,
                    (event.occurred_at, event.received_at),
                    event.version,
                    (event.from_account_id, event.from_presence_id),
                )
                for event in events
            ]

    @invariant()
    def snapshots_are_the_models_and_tags_tell_bodies_apart(self) -> None:
        with self.world.database.read(EVERY_ORG) as session:
            org = session.get_one(Org, self.world.id)
            now = snapshot.load(session, org, settings=self.world.settings)
            versions = org.version, org.va_version, org.accounts_version
        model = self.model
        assert versions == (model.version, model.va_version, model.accounts_version)
        for viewer in model.people:
            view = ROLES[viewer.role].sees
            bodies = {
                format_.name: format_.snapshot(
                    Rendered(now), Viewer(viewer.id, viewer.user_id, view, None)
                ).plain
                for format_ in FORMATS.values()
            }
            rows = model.rows(viewer)
            assert json.loads(bodies["json"]) == model.body(viewer)
            assert read_text(bodies["text"].decode()) == (rows, model.below_the_table(viewer))
            assert read_csv(bodies["csv"].decode()) == model.csv_rows(viewer)
            assert read_ndjson(bodies["ndjson"].decode()) == model.table_rows(viewer)
            for format_, body in bodies.items():
                self.tag_changes_with_body(viewer, format_, body)

    def tag_changes_with_body(self, viewer: Person, format_: str, body: bytes) -> None:
        version = self.model.version_for(viewer)
        tag = tags.snapshot_tag(viewer.id, viewer.role, format_, version, 120, None)
        tag_before, body_before = self.seen.get((viewer.id, format_), (None, None))
        assert (tag == tag_before) == (body == body_before)
        self.seen[viewer.id, format_] = tag, body


def read_ndjson(text: str) -> list[dict[str, str]]:
    """The lines, each value as text."""
    rows = [json.loads(line) for line in text.splitlines()]
    return [{name: str(cell) for name, cell in row.items() if cell is not None} for row in rows]


def read_csv(text: str) -> list[dict[str, str]]:
    return [filled(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def read_text(text: str) -> tuple[list[dict[str, str]], str]:
    """The rows of the table, whose cells stand under the names of their columns, and the rest."""
    table, _, rest = text.partition("\n\n")
    header, *lines = table.splitlines()
    columns = [(name[0].lower(), name.start()) for name in re.finditer(r"\S+", header)]
    ends = [*(start for _, start in columns[1:]), None]
    rows = [
        filled(
            {
                name: line[start:end].strip()
                for (name, start), end in zip(columns, ends, strict=True)
            }
        )
        for line in lines
    ]
    return rows, rest
