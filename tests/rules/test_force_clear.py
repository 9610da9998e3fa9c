"""DELETE /v1/admin/presence/{account_id}: an admin frees an account."""

from typing import Any
from uuid import UUID, uuid4

from models import Membership
from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, dump


def clear(
    world: World, client: AppClient, member: Membership, account_id: UUID, **query: Any
) -> AppAnswer:
    return client.delete(
        f"/v1/admin/presence/{account_id}",
        query_string=query,
        headers={**world.bearer(member), "Request-Id": "one"},  # which problems carry
    )


def test_an_admin_frees_an_account_and_the_history_says_why(
    world: World, client: AppClient
) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    held = world.clock_in(ana, acme)
    va_version = world.org().va_version
    answer = clear(world, client, maya, acme.id, reason="forgot, went home 😴")
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Presence-Version"] == str(world.org().version)
    assert world.org().va_version > va_version
    assert world.held() == []
    event = world.events()[-1]
    assert (event.kind, event.reason) == ("force_clear", "forgot, went home 😴")
    assert (event.actor_id, event.user_id) == (maya.user_id, ana.user_id)
    assert event.presence_id == held.presence_id
    cleared = world.post(client, ana, "heartbeat", presence_id=held.presence_id)
    assert_problem(cleared, 410, "presence_ended", reason="force_cleared")


def test_an_admin_may_clear_their_own(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account()
    world.clock_in(maya, acme)
    assert clear(world, client, maya, acme.id).status_code == 204
    assert world.events()[-1].reason is None


def test_clearing_what_nobody_holds_is_not_occupied(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    assert_problem(clear(world, client, maya, acme.id), 404, "not_occupied")
    world.expired(ana, acme)
    assert_problem(clear(world, client, maya, acme.id), 404, "not_occupied")
    assert world.kinds() == ["clock_in", "expire"]


def test_only_the_presence_that_is_named_is_cleared(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    gone = world.clock_in(ana, acme)
    world.clock_out(ana)
    named = {"presence_id": gone.presence_id}
    # The fence comes before not_occupied.
    answer = clear(world, client, maya, acme.id, **named)
    assert_problem(answer, 410, "presence_ended", reason="clocked_out")
    now = world.clock_in(world.va("Ben Cruz"), acme)
    answer = clear(world, client, maya, acme.id, **named)
    assert_problem(answer, 410, "presence_ended", reason="clocked_out")
    assert [held.presence_id for held in world.held()] == [now.presence_id]
    assert clear(world, client, maya, acme.id, presence_id=now.presence_id).status_code == 204


def test_the_410_of_a_clear_knows_only_that_accounts_presences(
    world: World, client: AppClient
) -> None:
    maya, ana, acme, heron = world.admin(), world.va(), world.account(), world.account("Heron")
    moved = world.clock_in(ana, acme)
    there = world.clock_in(ana, heron)
    for account, presence_id, reason in (
        (acme, moved.presence_id, "switched"),
        (acme, there.presence_id, "unknown"),
        (acme, uuid4(), "unknown"),
        (heron, moved.presence_id, "unknown"),
    ):
        answer = clear(world, client, maya, account.id, presence_id=presence_id)
        assert_problem(answer, 410, "presence_ended", reason=reason)
    world.force_clear(maya, heron)
    answer = clear(world, client, maya, heron.id, presence_id=there.presence_id)
    assert_problem(answer, 410, "presence_ended", reason="force_cleared")
    answer = clear(world, client, maya, acme.id, presence_id=there.presence_id)
    assert_problem(answer, 410, "presence_ended", reason="unknown")


def test_an_expired_presence_is_ended_not_cleared(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account()
    gone = world.expired(world.va(), acme)
    answer = clear(world, client, maya, acme.id, presence_id=gone.presence_id)
    assert_problem(answer, 410, "presence_ended", reason="expired")
    assert world.held() == []


def test_a_va_clears_nothing_and_learns_nothing(world: World, client: AppClient) -> None:
    ana, ben, acme, free = world.va(), world.va("Ben"), world.account(), world.account("Free")
    held = world.clock_in(ana, acme)
    before = dump(world.database)
    answers = set()
    for account_id, query in (
        (acme.id, {}),
        (acme.id, {"presence_id": held.presence_id}),
        (free.id, {"presence_id": held.presence_id}),
        (free.id, {}),
        (uuid4(), {}),
    ):
        answer = clear(world, client, ben, account_id, **query)
        assert_problem(answer, 403, "admin_only")
        answers.add(answer.data)
    assert len(answers) == 1  # to the byte
    assert dump(world.database) == before


def test_another_orgs_account_is_not_found(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Another org")
    theirs, archived = other.account(), world.account()
    held = other.clock_in(other.va(), theirs)
    world.archive(archived)
    maya = world.admin()
    for account_id in (theirs.id, archived.id, uuid4()):
        for query in ({}, {"presence_id": held.presence_id}):
            answer = clear(world, client, maya, account_id, **query)
            assert_problem(answer, 404, "account_not_found")
    assert len(other.held()) == 1


def test_a_bad_query_is_refused_before_who_calls_is_checked(
    world: World, client: AppClient
) -> None:
    path = f"/v1/admin/presence/{world.account().id}"
    for query, field in (
        ({"reason": "x" * 201}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"reason": "a\x1bb"}, "reason"),
        ({"presence_id": "x"}, "presence_id"),
        ({"force": "true"}, "force"),
    ):
        answer = client.delete(path, query_string=query)
        assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == [field]
    maya = world.admin()
    answer = clear(world, client, maya, world.account("Free").id, reason="é" * 200)
    assert_problem(answer, 404, "not_occupied")
