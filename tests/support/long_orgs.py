"""Orgs whose bodies are long enough to be compressed."""

import random
from uuid import UUID

from models import Membership
from services.snapshot import Entry, Snapshot
from tests.support.world import World
from wire.rendered import Rendered

OCCUPIED = 6  # with names so long that every body that an admin gets is over 1 KB


def occupied(world: World) -> Membership:
    """An admin on one of several occupied accounts."""
    maya = world.admin("Maya Chen")
    for number in range(OCCUPIED):
        member = maya if number == 0 else world.va(f"Ana Reyes {number}")
        world.clock_in(member, world.account(f"Heron & Söhne {number} {'x' * 160}"))
    return maya


def rendered(entries: int, name: str = "Member {}") -> Rendered:
    """An org of so many occupied accounts, with ids at random from a seed."""
    chance = random.Random(entries)

    def id_() -> str:
        return str(UUID(int=chance.getrandbits(128), version=4))

    def time() -> str:
        minute, millisecond = chance.randrange(120), chance.randrange(60_000)
        at = f"{minute % 60:02}:{millisecond // 1000:02}.{millisecond % 1000:03}"
        return f"2026-11-28T{8 + minute // 60:02}:{at}Z"

    accounts = sorted(id_() for _ in range(entries))
    return Rendered(
        Snapshot(
            version=1795341742456,
            va_version=1795341742456,
            accounts_version=1795341000000,
            stale_after_seconds=120,
            entries=[
                Entry(
                    account_id=account,
                    account_name=f"Account {number}",
                    presence_id=id_(),
                    user_id=id_(),
                    display_name=name.format(number),
                    clocked_in_at=time(),
                    state="active",
                    last_seen_at=None,
                )
                for number, account in enumerate(accounts)
            ],
        )
    )
