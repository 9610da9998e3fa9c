"""Random operations, held against a model of contract.md that was written without the services."""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from models import Account, ClockEvent, Membership, Org, Presence
from models.roles import ROLES
from models.session import Database
from schemas.clock import ClockedOut
from services import (
    accounts,
    callers,
    clocking,
    expiry,
    members,
    presences,
    sessions,
    snapshot,
    tokens,
)
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

OPERATIONS = int(os.environ.get("PRESENCE_OPERATIONS", "1000"))
IN_ONE_ORG = 25

# Seconds between operations, with the edges of staleness, of expiry and of a written heartbeat.
PASSES = st.sampled_from(
    [0, 0, 0.001, 1, 14.999, 15, 45, 60, 119.999, 120, 120, 120, 600, 600, 3599.999, 3600, 90000]
)
QUEUED = st.sampled_from([None, None, None, 3600, 100, -100, 200_000])  # seconds before now
# Those who are there come first, so that most operations find something to do.
PEOPLE = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5])
PLACES = st.sampled_from([0, 0, 1, 1, 2, 3])
WHICH = st.sampled_from([0, 0, 0, 1, 5])  # 0 is the newest of one's own
MAYBE_WHICH = st.sampled_from([0, 0, 0, None, None, 1, 5])
NAMES = ["Acme", "Bolt, Nut & Co", "=Sum()", "Zoë “Q”", "ACME", "-minus", "@at", "+plus"]
NAME = st.sampled_from(NAMES)
Reason = Literal["user", "inactivity", "shutdown"]
REASON = st.sampled_from(["user", "inactivity", "shutdown"])


class Operations(RuleBasedStateMachine):
    """An org, and its model."""

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

    @initialize()
    def three_are_there(self) -> None:
        for index in (0, 2, 3):
            person, place = self.model.people[index], self.model.places[index]
            self.clock_in(0, person, place, None, None)

    @rule(after=PASSES, who=PEOPLE, where=PLACES, queued=QUEUED, keyed=st.booleans())
    def clock_in_or_switch(
        self, after: float, who: int, where: int, queued: float | None, keyed: bool
    ) -> None:
        person = self.person(who)
        place = self.place(where, [stay for stay in self.model.here if stay.person is person])
        key, occurred_at = self.new_key(keyed), self.queued(after, queued)
        if key:
            self.keyed.append(("clock-in", person, place, occurred_at, key))
        self.clock_in(after, person, place, occurred_at, key)

    def clock_in(
        self, after: float, person: Person, place: Place, at: datetime | None, key: str | None
    ) -> None:
        self.operate(
            after,
            lambda: self.model.clock_in(person, place, at, key),
            lambda change: clocking.clock_in(
                change,
                self.caller(change, person, key),
                account_id=place.id,
                occurred_at=at,
                key=key,
            ),
        )

    @rule(
        after=PASSES,
        who=PEOPLE,
        which=MAYBE_WHICH,
        reason=REASON,
        queued=QUEUED,
        keyed=st.booleans(),
        times=st.sampled_from([1, 1, 2]),
    )
    def clock_out_of(
        self,
        after: float,
        who: int,
        which: int | None,
        reason: Reason,
        queued: float | None,
        keyed: bool,
        times: int,
    ) -> None:
        person = self.person(who)
        stay = None if which is None else self.stay(person, which)
        presence_id = None if which is None else stay.id if stay else uuid4()
        key, occurred_at = self.new_key(keyed), self.queued(after, queued)
        if key:
            self.keyed.append(("clock-out", person, stay, presence_id, reason, occurred_at, key))
        for _ in range(times):
            self.clock_out(after, person, stay, presence_id, reason, occurred_at, key)

    def clock_out(
        self,
        after: float,
        person: Person,
        stay: Stay | None,
        presence_id: UUID | None,
        reason: Reason,
        at: datetime | None,
        key: str | None,
    ) -> None:
        self.operate(
            after,
            lambda: self.model.clock_out(person, stay, presence_id, reason, at, key),
            lambda change: clocking.clock_out(
                change,
                self.caller(change, person, key),
                presence_id=presence_id,
                reason=reason,
                occurred_at=at,
                key=key,
            ),
        )

    @precondition(lambda self: self.keyed)
    @rule(after=PASSES, which=WHICH, altered=st.sampled_from([False, False, True]))
    def repeat(self, after: float, which: int, altered: bool) -> None:
        endpoint, person, *request = self.keyed[-1 - which % len(self.keyed)]
        if person not in self.model.people:
            return
        if altered:
            request[-2] = self.model.now + timedelta(days=1)
        again = self.clock_in if endpoint == "clock-in" else self.clock_out
        again(after, person, *request)

    @precondition(lambda self: self.model.here)
    @rule(after=PASSES, who=PEOPLE, which=WHICH)
    def heartbeat(self, after: float, who: int, which: int) -> None:
        person = self.person(who)
        stay = self.stay(person, which)
        presence_id = stay.id if stay and stay.id else uuid4()

        def beat(change: Change) -> None:
            caller, settings = self.caller(change, person), self.world.settings
            if not presences.beat(
                change.session, caller.member, presence_id, settings=settings, now=change.now
            ):
                clocking.revive(change, caller, presence_id)

        self.operate(after, lambda: self.model.heartbeat(person, stay), beat)

    @precondition(lambda self: self.model.here)
    @rule(after=PASSES)
    def sweep(self, after: float) -> None:
        now = self.model.now + timedelta(seconds=after)
        with self.world.database.read() as session:
            due = expiry.due_orgs(session, settings=self.world.settings, now=now)
        marked, ended = self.operate(after, self.model.sweep, expiry.sweep)
        assert (self.world.id in due) == (marked + ended > 0)

    @rule(
        after=PASSES,
        who=PEOPLE,
        where=PLACES,
        which=MAYBE_WHICH,
        reason=st.none() | st.just("left early"),
    )
    def force_clear(
        self, after: float, who: int, where: int, which: int | None, reason: str | None
    ) -> None:
        place = self.place(where, self.model.here)
        person = self.admin() if who < 5 else self.person(who)  # a va, as often as not
        stay = None
        if which is not None:
            stay = self.model.at(place) if which == 0 else self.stay(person, which)
        presence_id = None if which is None else stay.id if stay else uuid4()
        self.operate(
            after,
            lambda: self.model.force_clear(person, place, stay, which is not None, reason),
            lambda change: clocking.force_clear(
                change,
                self.caller(change, person),
                place.id,
                presence_id=presence_id,
                reason=reason,
            ),
        )

    @rule(after=PASSES, who=PEOPLE, name=NAME)
    def rename_member(self, after: float, who: int, name: str) -> None:
        person = self.person(who)
        name = name.swapcase() if name == person.name else name
        self.operate(
            after,
            lambda: self.model.rename_member(person, name),
            lambda change: members.amend(
                change,
                change.session.get_one(Membership, person.id),
                actor=None,
                display_name=name,
            ),
        )

    @rule(after=PASSES, where=PLACES, name=NAME)
    def rename_account(self, after: float, where: int, name: str) -> None:
        place = self.model.places[where]
        name = name.swapcase() if name == place.name else name
        self.operate(
            after,
            lambda: self.model.rename_account(place, name),
            lambda change: accounts.amend(
                change, change.session.get_one(Account, place.id), actor=None, name=name
            ),
        )

    @precondition(lambda self: len(self.model.here) > 2)
    @rule(after=PASSES, who=PEOPLE)
    def deactivate(self, after: float, who: int) -> None:
        person, actor = self.person(who), self.admin()
        refused = self.operate(
            after,
            lambda: self.model.deactivate(person, actor),
            lambda change: members.amend(
                change,
                change.session.get_one(Membership, person.id),
                actor=change.session.get_one(Membership, actor.id),
                active=False,
            ),
        )
        if not refused:
            place = self.model.places[0]
            shut_out = Refused("not_authenticated", {"reason": "deactivated"})
            self.operate(
                0,
                lambda: shut_out,
                lambda change: clocking.clock_in(
                    change, self.caller(change, person), account_id=place.id
                ),
            )
            with self.world.changing() as change:
                self.model.people.append(self.hire(change, "va"))

    @invariant()
    def presences_are_the_models(self) -> None:
        with self.world.database.read() as session:
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
        with self.world.database.read() as session:
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
        with self.world.database.read() as session:
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
                )
                for format_ in FORMATS.values()
            }
            rows = model.rows(viewer)
            assert json.loads(bodies["json"]) == model.body(viewer)
            assert read_text(bodies["text"].decode()) == (rows, model.below_the_table(viewer))
            assert read_csv(bodies["csv"].decode()) == model.csv_rows(viewer)
            for format_, body in bodies.items():
                self.tag_changes_with_body(viewer, format_, body)

    def tag_changes_with_body(self, viewer: Person, format_: str, body: bytes) -> None:
        version = self.model.version_for(viewer)
        tag = tags.snapshot_tag(viewer.id, viewer.role, format_, version, 120, None)
        tag_before, body_before = self.seen.get((viewer.id, format_), (None, None))
        assert (tag == tag_before) == (body == body_before)
        self.seen[viewer.id, format_] = tag, body


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


def test_random_operations_leave_what_the_contract_says(
    database: Database, settings: Settings
) -> None:
    Operations.done = 0
    run_state_machine_as_test(
        lambda: Operations(database, settings),  # type: ignore[arg-type]
        settings=hypothesis.settings(
            max_examples=OPERATIONS // IN_ONE_ORG,
            stateful_step_count=IN_ONE_ORG,
            derandomize=True,
            print_blob=True,
            # Without making a failure smaller, which takes minutes.
            phases=[hypothesis.Phase.generate],
            # So many operations on a database take as long as the machine lets them.
            deadline=None,
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        ),
    )
    assert Operations.done >= OPERATIONS
