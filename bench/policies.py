"""bench policies: what row-level security costs a clock-in, on PostgreSQL.

The same switches through the whole application, by turns as a role that the policies bind and as
one that bypasses them, in one process and one database.
"""

import argparse
from dataclasses import replace
from itertools import cycle
from statistics import median
from time import perf_counter
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text

from app import create_app
from bench.common import Targets, Unable, milliseconds, run, say_heading, say_table
from bench.servers import Place, place
from bench.world import BenchMember, BenchOrg, build
from models import row_security
from models.reach import EVERY_ORG

ROLES = {"policies": "NOBYPASSRLS", "none": "BYPASSRLS"}
MEMBERS = 400  # each writes too seldom for the limit of writes
OCCUPIED = 300
ORGS = 20
COST = 0.05  # at most, of a clock-in


def main(options: argparse.Namespace) -> None:
    say_heading("policies")
    targets = Targets()
    with place("postgresql") as where:
        orgs = build(where, orgs=ORGS, members=MEMBERS, occupied=OCCUPIED, spare=100)
        clients = {name: serving_as(where, name, how) for name, how in ROLES.items()}
        seconds: dict[str, list[float]] = {name: [] for name in ROLES}
        work = cycle([(org, each) for each in range(OCCUPIED) for org in orgs])
        for number, (org, each) in zip(range(options.times), work, strict=False):
            order = list(ROLES) if number % 2 else list(reversed(ROLES))
            for name in order:
                seconds[name].append(switch(clients[name], org, org.people[each]))
    medians = {name: median(each[len(each) // 10 :]) for name, each in seconds.items()}
    say_table(
        ("a switch, p50", "with policies", "bypassing them"),
        [("", milliseconds(medians["policies"]), milliseconds(medians["none"]))],
    )
    cost = medians["policies"] / medians["none"] - 1
    targets.at_most("cost of the policies", COST * 100, cost * 100, " %")
    targets.say()


def serving_as(where: Place, name: str, how: str) -> FlaskClient:
    """A client of the application as a role with the rights to serve."""
    role = f"bench_{name}"
    with where.database.write(EVERY_ORG) as session:
        session.execute(text(f"CREATE ROLE {role} LOGIN {how}"))
        row_security.grant(session.connection(), role)
    return create_app(replace(where.settings, db_role=role)).test_client()


def switch(client: FlaskClient, org: BenchOrg, member: BenchMember) -> float:
    """The seconds that it takes a member to go to an account that is free."""
    account, member.account = org.free.popleft(), member.account
    headers: dict[str, Any] = {"Authorization": f"Bearer {member.token}"}
    begun = perf_counter()
    answer = client.post("/v1/clock-in", json={"account_id": account}, headers=headers)
    seconds = perf_counter() - begun
    if answer.status_code != 201:
        raise Unable(f"a clock-in was answered {answer.status_code}: {answer.text[:500]}")
    if member.account is not None:
        org.free.append(member.account)
    member.account = account
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench policies")
    parser.add_argument("--times", type=int, default=3000, help="switches with and without")
    run(main, parser)
