"""The directory, in the model of rules.py and in the org beside it."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import rule

from models import Membership
from services import directory, members, sessions
from services.change import Change
from services.listed_accounts import ListedAccount
from services.listed_members import ListedMember
from tests.support.org_and_model import NAMES, OrgAndModel
from tests.support.rule_events import Person, Place, Refused
from tests.support.rules import Model

GONE = "gone"  # from the list
FATES = st.sampled_from([None] * 12 + [GONE] + NAMES[:3])  # None: listed as it is


@dataclass
class Listing:
    """What is listed: everything but what is gone, under its new name if it has one."""

    gone: list[Person | Place]
    names: dict[Person | Place, str]
    new_places: list[Place]
    new_people: list[Person]

    def counts(self, model: Model) -> Any:
        """What a sync answers."""
        listed: list[list[Any]] = [model.places, model.people]
        new = [len(self.new_places), len(self.new_people)]
        return tuple(
            (
                made,
                sum(each in self.names for each in there),
                sum(each in self.gone for each in there),
                sum(each not in self.names and each not in self.gone for each in there),
            )
            for there, made in zip(listed, new, strict=True)
        )

    def sync(self, model: Model, actor: Person, *, dry_run: bool) -> Any:
        """Do it in the model."""
        admins = [person for person in model.people if person.role == "admin"]
        if all(admin in self.gone for admin in admins):
            return Refused("last_admin", {})
        counts = self.counts(model)
        if not dry_run:
            self._clear(model, actor)
            self._rename(model)
            self._put_away(model)
        return counts

    def _clear(self, model: Model, actor: Person) -> None:
        met = [
            stay
            for stay in model.here
            if stay.place in self.gone or stay.person in self.gone or stay.person in self.names
        ]
        model.meet(met)
        for stay in met:
            is_gone = stay.place in self.gone or stay.person in self.gone
            if is_gone and not stay.ended:
                why = {"actor": actor, "reason": "directory"}
                model.end(stay, "force_clear", "force_cleared", model.now, **why)

    def _rename(self, model: Model) -> None:
        for each, name in self.names.items():
            each.name = name
            if isinstance(each, Person) and model.of(each):
                model.raised.add("version")

    def _put_away(self, model: Model) -> None:
        away = [place for place in model.places if place in self.gone]
        if away or self.new_places or any(place in self.names for place in model.places):
            model.everyone_sees()
            model.raised.add("accounts_version")
        model.archived += away
        model.places[:] = [
            *(place for place in model.places if place not in away),
            *self.new_places,
        ]
        model.people[:] = [
            *(person for person in model.people if person not in self.gone),
            *self.new_people,
        ]


class DirectoryOperations(OrgAndModel):
    """Another application sends its accounts and members."""

    @rule(
        after=st.sampled_from([0, 0, 1, 120, 3600]),
        fates=st.lists(FATES, min_size=10, max_size=10),
    )
    def follow_a_directory(self, after: float, fates: list[str | None]) -> None:
        listing = self._listing(fates)
        actor = self.admin()
        accounts = [
            ListedAccount(place.id, listing.names.get(place, place.name), archived=False)
            for place in [*self.model.places, *listing.new_places]
            if place not in listing.gone
        ]
        people = [
            ListedMember(person.user_id, listing.names.get(person, person.name), person.role, True)
            for person in [*self.model.people, *listing.new_people]
            if person not in listing.gone
        ]

        def expect(dry_run: bool) -> Any:
            return listing.sync(self.model, actor, dry_run=dry_run)

        def sync(dry_run: bool, change: Change) -> Any:
            return directory.sync(
                change,
                accounts=accounts,
                members=people,
                prune=True,
                dry_run=dry_run,
                actor=change.session.get_one(Membership, actor.id),
            )

        for seconds, dry_run in ((after, True), (0, False)):
            answer = self.operate(seconds, partial(expect, dry_run), partial(sync, dry_run))
        if not isinstance(answer, Refused):
            self._hand_out(listing.new_people)

    def _listing(self, fates: list[str | None]) -> Listing:
        """What becomes of each; for whoever goes, another comes."""
        listing = Listing([], {}, [], [])
        there: list[Person | Place] = [*self.model.places, *self.model.people]
        for each, fate in zip(there, fates, strict=True):
            if fate == GONE:
                listing.gone.append(each)
                if isinstance(each, Place):
                    listing.new_places.append(Place(uuid4(), each.name))
                else:
                    listing.new_people.append(Person(uuid4(), uuid4(), each.name, "va"))
            elif fate is not None and fate != each.name:
                listing.names[each] = fate
        return listing

    def _hand_out(self, people: list[Person]) -> None:
        """Tokens for the new ones, whose memberships have ids by now."""
        for person in people:
            with self.world.changing(self.model.now) as change:
                member = members.find_user(change.session, self.world.id, person.user_id)
                person.id = member.id
                self.tokens[member.id] = sessions.hand_out(change, member, actor=None)
