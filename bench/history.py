"""bench history: pages of a long history, and what its length costs everyone else.

One worker on one core, one caller on the other. A snapshot, an unchanged poll and a switch are
timed before the history is there and after.
"""

import argparse
import http.client
import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from time import perf_counter
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from sqlalchemy import insert

from bench.common import (
    CLIENT_CORE,
    Targets,
    Unable,
    milliseconds,
    percentile,
    run,
    say,
    say_heading,
    say_table,
)
from bench.servers import Place, gunicorn, place
from bench.world import BenchMember, BenchOrg, build
from models import ClockEvent
from models.reach import EVERY_ORG
from services.times import rfc3339, utc_now

MEMBERS = 50
OCCUPIED = 20
SPARE = 40
BATCH = 10_000
DAYS = 365
PAGE_SECONDS = 0.1

Answer = tuple[int, http.client.HTTPMessage, bytes]


class Caller:
    """One member on one connection, who asks for everything so many times."""

    def __init__(self, port: int, member: BenchMember, times: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._token = member.token
        self._times = times

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        self._connection.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        answer = self._connection.getresponse()
        found = answer.status, answer.headers, answer.read()
        if answer.status >= 400:
            raise Unable(f"{path} was answered {answer.status}: {found[2][:500]!r}")
        return found

    def time(self, method: str, path: str, *bodies: Any, **headers: str) -> list[float]:
        """How many seconds it takes, with one body after the other."""
        seconds = []
        for number in range(self._times):
            body = bodies[number % len(bodies)] if bodies else None
            begun = perf_counter()
            self.ask(method, path, body, **headers)
            seconds.append(perf_counter() - begun)
        return seconds


def main(options: argparse.Namespace) -> None:
    say_heading("history")
    os.sched_setaffinity(0, {CLIENT_CORE})
    targets = Targets()
    for kind in options.databases:
        with place(kind) as where:
            (org,) = build(where, orgs=1, members=MEMBERS, occupied=OCCUPIED, spare=SPARE)
            with gunicorn("asgi:application", where) as server:
                admin = Caller(server.port, org.people[0], options.times)
                before = everyday(admin, org)
                begun = perf_counter()
                fill(where, org, options.rows)
                say(f"{kind}, {options.rows:,} rows, put there in {perf_counter() - begun:.0f} s\n")
                # The server has closed the connection meanwhile.
                admin = Caller(server.port, org.people[0], options.times)
                after = everyday(admin, org)
                rows = [
                    (name, milliseconds(before[name]), milliseconds(after[name])) for name in before
                ]
                say_table(("p50", "without history", "with it"), rows)
                say_pages(kind, admin, org, options.rows, targets)
    targets.say()


def everyday(admin: Caller, org: BenchOrg) -> dict[str, float]:
    """The seconds that what everyone does takes, at the median."""
    _, headers, _ = admin.ask("GET", "/v1/presence")
    tag = headers["ETag"]
    accounts = [{"account_id": org.free[index]} for index in (0, 1)]
    return {
        "snapshot": percentile(admin.time("GET", "/v1/presence"), 50),
        "unchanged poll": percentile(
            admin.time("GET", "/v1/presence", **{"If-None-Match": tag}), 50
        ),
        "switch": percentile(admin.time("POST", "/v1/clock-in", *accounts), 50),
    }


def fill(where: Place, org: BenchOrg, rows: int) -> None:
    """Make a year's history of so many rows, the oldest first."""
    made = islice(history(org, utc_now() - timedelta(days=DAYS), rows), rows)
    while batch := list(islice(made, BATCH)):
        with where.database.write(EVERY_ORG) as session:
            session.execute(insert(ClockEvent), batch)
    if not where.database.is_sqlite:
        # What autovacuum does within minutes.
        with closing(where.database.engine.raw_connection()) as connection:
            connection.cursor().execute("VACUUM ANALYZE presence.clock_events")


def history(org: BenchOrg, begin: datetime, rows: int) -> Iterator[dict[str, Any]]:
    """Everyone clocks in, switches and leaves, by turns; now and then an admin clears."""
    accounts = [UUID(account) for account in org.free]
    presences: dict[UUID, dict[str, Any]] = {}
    for number in range(rows):
        who = org.people[number % MEMBERS]
        turn = number // MEMBERS
        kind = ("clock_in", "switch", "clock_out")[turn % 3]
        at = begin + timedelta(days=DAYS) * number / rows
        held = presences.get(who.user_id, {})
        if kind != "clock_out":
            account = accounts[(number + turn) % (len(accounts) - 1)]
            new = {"account_id": account, "account_name": f"Account {account}"}
            presences[who.user_id] = new = new | {"presence_id": uuid4()}
        else:
            new = held
            kind = "force_clear" if number % 1009 == 0 else kind
        left = held if kind == "switch" else {}
        yield {
            **new,
            "org_id": org.id,
            "kind": kind,
            "user_id": who.user_id,
            "display_name": f"Member {number % MEMBERS}",
            "actor_id": who.user_id,
            "occurred_at": at,
            "received_at": at,
            "version": number,
            "last_heartbeat_at": at,
            "from_account_id": left.get("account_id"),
            "from_presence_id": left.get("presence_id"),
        }


def say_pages(kind: str, admin: Caller, org: BenchOrg, rows: int, targets: Targets) -> None:
    """What pages and hours take, the slowest of each bound by the target."""
    now = utc_now()
    old, older = now - timedelta(days=DAYS * 0.9), now - timedelta(days=DAYS * 0.9 + 1)
    half = {"to": rfc3339(now - timedelta(days=DAYS / 2)), "limit": 1}
    middle = json.loads(admin.ask("GET", f"/v1/admin/clock-events?{urlencode(half)}")[2])["next"]
    somebody = org.people[7].user_id
    pages: dict[str, dict[str, Any]] = {
        "first": {},
        "first, 1000 entries": {"limit": 1000},
        "in the middle": {"cursor": middle},
        "an account": {"account_id": org.free[3]},
        "an account without any": {"account_id": org.free[-1]},
        "an account, in the middle": {"account_id": org.free[3], "cursor": middle},
        "a member": {"user_id": somebody},
        "a member, in the middle": {"user_id": somebody, "cursor": middle},
        "a frequent kind": {"kind": "switch"},
        "a rare kind, in the middle": {"kind": "force_clear", "cursor": middle},
        "a kind without any": {"kind": "expire"},
        "a day long past": {"from": rfc3339(older), "to": rfc3339(old)},
        "all that is long past": {"to": rfc3339(old)},
        "a member and an account": {"user_id": somebody, "account_id": org.free[3]},
        "a member and a rare kind": {"user_id": somebody, "kind": "force_clear"},
    }
    found = []
    for name, query in pages.items():
        seconds = admin.time("GET", f"/v1/admin/clock-events?{urlencode(query)}")
        found.append((f"page: {name}", seconds))
    targets.at_most(
        f"{kind}, the slowest page's p99",
        PAGE_SECONDS * 1000,
        max(percentile(seconds, 99) for _, seconds in found) * 1000,
        " ms",
    )
    for name, begin, end in (
        ("a month", now - timedelta(days=30), now),
        ("a month long past", older - timedelta(days=30), older),
    ):
        span = {"from": rfc3339(begin), "to": rfc3339(end), "by": "member,account,day"}
        path = f"/v1/admin/time?{urlencode({**span, 'tz': 'Europe/Berlin'})}"
        begun = perf_counter()
        admin.ask("GET", path)
        found.append((f"hours of {name}, once", [perf_counter() - begun]))
    say_table(
        (f"of {rows:,} rows", "p50", "p99"),
        [
            (name, *(milliseconds(percentile(seconds, percent)) for percent in (50, 99)))
            for name, seconds in found
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench history")
    parser.add_argument("--rows", type=int, default=1_000_000)
    databases = ("postgresql", "sqlite")
    parser.add_argument("--databases", nargs="+", choices=databases, default=databases)
    parser.add_argument("--times", type=int, default=50, help="that everything is asked for")
    run(main, parser)
