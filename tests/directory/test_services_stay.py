"""Services are no members of a directory: it never lists, changes or overwrites them."""

from typing import Any
from uuid import uuid4

from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.services import service
from tests.support.world import World, dump


def test_pruning_leaves_services_alone(world: World, client: AppClient) -> None:
    maya, job = world.admin("Maya"), service(world)
    body = {"user_id": str(maya.user_id), "display_name": "Maya", "role": "admin"}
    before = dump(world.database)
    answer = world.put(client, maya, "admin/directory", {"prune": "true"}, members=[body])
    assert answer.json["members"]["unchanged"] == 1
    assert answer.json["members"]["deactivated"] == 0
    assert dump(world.database) == before
    assert client.get("/v1/presence", headers=job.bearer).status_code == 200


def test_the_id_of_a_service_is_taken(world: World, client: AppClient) -> None:
    maya, job = world.admin(), service(world)
    before = dump(world.database)
    path = f"admin/users/{job.user_id}"
    listed: dict[str, Any] = {"display_name": "Ana", "role": "va"}
    answers = [
        world.put(client, maya, path, **listed),
        world.put(client, maya, path, active=False, **listed),
        world.put(
            client, maya, "admin/directory", members=[{"user_id": str(job.user_id), **listed}]
        ),
    ]
    for answer in answers:
        assert assert_problem(answer, 409, "id_taken")["id"] == str(job.user_id)
    assert_problem(world.delete(client, maya, path, erase="true"), 404, "not_found")
    assert dump(world.database) == before


def test_a_service_with_the_scope_keeps_the_directory(world: World, client: AppClient) -> None:
    world.admin()
    job, other = service(world, "directory:write"), service(world, "presence:write", name="Other")
    body = {"accounts": [{"id": str(uuid4()), "name": "Acme"}]}
    answer = client.put("/v1/admin/directory", json=body, headers=job.bearer)
    assert answer.json["accounts"]["created"] == 1
    event = world.log()[-1]
    assert (event.kind, event.actor_id) == ("account_added", job.user_id)
    refused = client.put("/v1/admin/directory", json=body, headers=other.bearer)
    assert_problem(refused, 403, "insufficient_scope")
    user = f"/v1/admin/users/{uuid4()}"
    made = client.put(user, json={"display_name": "Ana", "role": "va"}, headers=job.bearer)
    assert made.status_code == 201
    gone = client.delete(user, query_string={"erase": "true"}, headers=job.bearer)
    assert gone.status_code == 204
