"""Somebody who sends what is wrong, on both databases."""

from collections.abc import Iterator

import pytest

from tests.support.app_client import AppClient
from tests.support.sender import Sender
from tests.support.world import World, dump


@pytest.fixture
def sender(world: World, client: AppClient) -> Iterator[Sender]:
    sender = Sender(world, client)
    before = dump(world.database)
    yield sender
    assert dump(world.database) == before
