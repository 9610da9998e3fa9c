"""Random operations, held against a model of contract.md that was written without the services."""

import os
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from models import Account, Membership, Presence
from models.database import Database
from models.reach import EVERY_ORG
from services import accounts, clocking, expiry, heartbeats, members, presences
from services.change import Change
from settings import Settings
from tests.support.org_and_model import NAMES
from tests.support.rule_directory import DirectoryOperations
from tests.support.rule_events import Person, Place, Refused, Stay

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
NAME = st.sampled_from(NAMES)
Reason = Literal["user", "inactivity", "shutdown"]
REASON = st.sampled_from(["user", "inactivity", "shutdown"])


class Operations(DirectoryOperations):
    """What may happen in it."""

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
    @rule(after=PASSES, who=PEOPLE, which=WHICH, by_gate=st.booleans())
    def heartbeat(self, after: float, who: int, which: int, by_gate: bool) -> None:
        person = self.person(who)
        stay = self.stay(person, which)
        presence_id = stay.id if stay and stay.id else uuid4()

        def beat(change: Change) -> None:
            caller, settings = self.caller(change, person), self.world.settings
            session, now = change.session, change.now
            if by_gate and is_shown_as_theirs(change, person, presence_id):
                beats = heartbeats.beat_all(session, [presence_id], settings=settings, now=now)
                is_fresh = any(beats)
            else:
                is_fresh = heartbeats.beat(
                    session, caller.member, presence_id, settings=settings, now=now
                )
            if not is_fresh:
                clocking.revive(change, caller, presence_id)

        self.operate(after, lambda: self.model.heartbeat(person, stay), beat)

    @precondition(lambda self: self.model.here)
    @rule(after=PASSES)
    def sweep(self, after: float) -> None:
        now = self.model.now + timedelta(seconds=after)
        with self.world.database.read(EVERY_ORG) as session:
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

        def clear(change: Change) -> None:
            caller = self.caller(change, person)
            caller.require_admin()
            clocking.force_clear(change, caller, place.id, presence_id=presence_id, reason=reason)

        self.operate(
            after,
            lambda: self.model.force_clear(person, place, stay, which is not None, reason),
            clear,
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


def is_shown_as_theirs(change: Change, person: Person, presence_id: UUID) -> bool:
    """Whether memory would show it so: whoever else's it is, the gate leaves it alone."""
    held = presences.held_where(change, Presence.user_id == person.user_id)
    return [each.presence_id for each in held] == [presence_id]


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
