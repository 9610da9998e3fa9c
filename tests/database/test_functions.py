"""Servers of two releases run on one database, each with its own of the owner's functions."""

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Select, select

from models import Org
from models.across_orgs import VERSIONS_OF_ORGS
from models.clock_state import CLOCK_STATE
from models.owners_statement import Given
from models.reach import EVERY_ORG
from models.row_security import FUNCTIONS
from tests.support import ROOT
from tests.support.world import World

LONGEST_NAME = 63  # PostgreSQL cuts what is longer
SAY_NAMES = "from models.row_security import FUNCTIONS; print(*(f.function for f in FUNCTIONS))"


def ids_alone(given: Given) -> Select[Any]:
    return select(Org.id).where(given.among(Org.id, "org_ids"))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_release_that_changes_a_function_leaves_the_one_before(world: World) -> None:
    changed = replace(VERSIONS_OF_ORGS, build=ids_alone)
    with world.database.write(EVERY_ORG) as session:
        session.connection().exec_driver_sql(changed.definition("presence"))
        try:
            columns = [
                list(each.run(session, org_ids=[world.id]).one()._mapping)
                for each in (changed, VERSIONS_OF_ORGS)
            ]
        finally:
            session.rollback()
    assert columns[0] == ["id"]
    assert columns[1][:2] == ["id", "version"]


def test_a_function_that_locks_is_another_than_one_that_does_not() -> None:
    """With the same arguments and columns, a server would not notice that it has the wrong one."""
    assert replace(CLOCK_STATE, locks_org=False).function != CLOCK_STATE.function


def test_names_are_the_same_in_every_process_and_fit() -> None:
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SAY_NAMES],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == [each.function for each in FUNCTIONS]
    assert max(len(each.function) for each in FUNCTIONS) <= LONGEST_NAME
