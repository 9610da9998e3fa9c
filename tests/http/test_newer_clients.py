"""What a client that is newer than the server may send (contract.md, at its beginning)."""

from typing import Any

import pytest

from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World


def test_clock_events_ignore_fields_they_do_not_know(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    newer: dict[str, Any] = {"mood": "good", "device": {"id": 7}}
    for status in (201, 200):
        answer = world.post(client, ana, "clock-in", account_id=acme.id, **newer)
        assert answer.status_code == status
    held = answer.json["presence"]["id"]
    assert world.post(client, ana, "heartbeat", presence_id=held, **newer).status_code == 204
    answer = world.post(client, ana, "clock-out", presence_id=held, **newer)
    assert answer.json == {"cleared": True, "account_id": str(acme.id)}
    assert world.kinds() == ["clock_in", "clock_out"]


def test_they_still_check_the_fields_they_know(world: World, client: AppClient) -> None:
    ana = world.va()
    answer = world.post(client, ana, "clock-out", reason="bored", mood="good")
    assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == ["reason"]


@pytest.mark.parametrize("media_type", ["application/merge-patch+json", "application/json"])
def test_patch_takes_a_merge_patch(world: World, client: AppClient, media_type: str) -> None:
    maya, acme = world.admin(), world.account()
    answer = client.patch(
        f"/v1/admin/accounts/{acme.id}",
        data='{"name": "Acme Orthodontics"}',
        content_type=media_type,
        headers=world.bearer(maya),
    )
    assert (answer.status_code, answer.json["name"]) == (200, "Acme Orthodontics")


def test_patch_says_what_it_takes(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account()
    answer = client.patch(
        f"/v1/admin/accounts/{acme.id}",
        data="[]",
        content_type="application/json-patch+json",
        headers=world.bearer(maya),
    )
    assert_problem(answer, 415, "unsupported_media_type")
    assert answer.headers["Accept-Patch"] == "application/merge-patch+json, application/json"


def test_nothing_else_takes_a_merge_patch(world: World, client: AppClient) -> None:
    answer = client.post(
        "/v1/admin/accounts",
        data='{"name": "New"}',
        content_type="application/merge-patch+json",
        headers=world.bearer(world.admin()),
    )
    assert_problem(answer, 415, "unsupported_media_type")
    assert "Accept-Patch" not in answer.headers
