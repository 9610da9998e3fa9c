"""One account or member at a time, by the id that another application gave it."""

from uuid import uuid4

from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, dump


def test_an_account_is_made_with_the_id_and_then_made_so(world: World, client: AppClient) -> None:
    maya, id_ = world.admin(), uuid4()
    path = f"admin/accounts/{id_}"
    made = world.put(client, maya, path, name="Acme Dental")
    assert (made.status_code, made.json["id"]) == (201, str(id_))
    assert (made.json["name"], made.json["archived"]) == ("Acme Dental", False)
    assert made.headers["Presence-Version"] == str(world.org().version)
    before = dump(world.database)
    again = world.put(client, maya, path, name="Acme Dental", archived=False)
    assert (again.status_code, again.json) == (200, made.json)
    assert again.headers["Presence-Version"] == made.headers["Presence-Version"]
    assert dump(world.database) == before
    for body in ({"name": "Acme", "archived": True}, {"name": "Acme"}):
        versions = world.versions()
        changed = world.put(client, maya, path, **body)
        assert changed.status_code == 200
        assert changed.json["archived"] == body.get("archived", False)
        assert all(now > then for now, then in zip(world.versions(), versions, strict=True))
    kinds = ["account_added", "account_renamed", "account_archived", "account_restored"]
    assert [(event.kind, event.actor_id) for event in world.log() if event.account_id == id_] == [
        (kind, maya.user_id) for kind in kinds
    ]


def test_names_from_elsewhere_need_not_be_unique(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account("Acme")
    other = world.put(client, maya, f"admin/accounts/{uuid4()}", name="ACME")
    assert other.status_code == 201
    assert_problem(world.post(client, maya, "admin/accounts", name="acme"), 409, "name_taken")
    answer = world.patch(client, maya, f"admin/accounts/{acme.id}", name="acmE")
    assert_problem(answer, 409, "name_taken")


def test_a_member_is_made_with_the_users_id_and_then_made_so(
    world: World, client: AppClient
) -> None:
    maya, id_ = world.admin(), uuid4()
    path = f"admin/users/{id_}"
    made = world.put(client, maya, path, display_name="Ana", role="va")
    assert made.status_code == 201
    assert made.json["user_id"] == str(id_) != made.json["id"]
    assert (made.json["role"], made.json["active"]) == ("va", True)
    before = dump(world.database)
    again = world.put(client, maya, path, display_name="Ana", role="va", active=True)
    assert (again.status_code, again.json) == (200, made.json)
    assert dump(world.database) == before
    gone = world.put(client, maya, path, display_name="Ana R.", role="admin", active=False)
    assert (gone.status_code, gone.json["active"], gone.json["id"]) == (200, False, made.json["id"])
    back = world.put(client, maya, path, display_name="Ana R.", role="admin")
    assert back.json["active"]
    assert [event.kind for event in world.log() if event.user_id == id_] == [
        "member_added",
        "member_deactivated",
        "member_renamed",
        "member_role_changed",
        "member_reactivated",
    ]


def test_who_is_put_out_is_off_the_clock_and_signed_out(world: World, client: AppClient) -> None:
    maya, ana, ben = world.admin(), world.va("Ana"), world.va("Ben")
    acme, heron = world.account("Acme"), world.account("Heron")
    world.clock_in(ana, acme)
    world.clock_in(ben, heron)
    bearer = world.bearer(ana)
    world.put(client, maya, f"admin/accounts/{heron.id}", name="Heron", archived=True)
    world.put(
        client, maya, f"admin/users/{ana.user_id}", display_name="A.", role="va", active=False
    )
    assert world.held() == []
    cleared = [event for event in world.events() if event.kind == "force_clear"]
    assert [(event.user_id, event.display_name) for event in cleared] == [
        (ben.user_id, "Ben"),
        (ana.user_id, "Ana"),
    ]
    assert {(event.reason, event.actor_id) for event in cleared} == {("directory", maya.user_id)}
    answer = client.get("/v1/presence", headers=bearer)
    assert_problem(answer, 401, "not_authenticated", reason="deactivated")
    assert world.log()[-1].kind == "session_ended"
    path = f"admin/users/{ana.user_id}"
    world.put(client, maya, path, display_name="A.", role="va")
    answer = client.get("/v1/presence", headers=bearer)
    assert_problem(answer, 401, "not_authenticated", reason="revoked")


def test_a_new_name_of_who_is_on_an_account_is_shown(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va("Ana")
    path, versions = f"admin/users/{ana.user_id}", world.versions()
    world.put(client, maya, path, display_name="Anna", role="va")
    assert world.versions() == versions
    world.clock_in(ana, world.account())
    versions = world.versions()
    world.put(client, maya, path, display_name="Hannah", role="va")
    assert world.versions()[0] > versions[0]
    assert world.versions()[1:] == versions[1:]
    (entry,) = world.get(client, maya).json["presence"]
    assert entry["display_name"] == "Hannah"


def test_the_last_admin_stays(world: World, client: AppClient) -> None:
    maya, path = world.admin("Maya"), "admin/users/{}"
    world.deactivate(world.va())
    before = dump(world.database)
    for body in ({"role": "va"}, {"role": "admin", "active": False}):
        answer = world.put(client, maya, path.format(maya.user_id), display_name="M.", **body)
        assert_problem(answer, 409, "last_admin")
    query = {"erase": "true"}
    answer = world.delete(client, maya, path.format(maya.user_id), **query)
    assert_problem(answer, 409, "last_admin")
    assert dump(world.database) == before
    world.admin("Tom")
    answer = world.put(client, maya, path.format(maya.user_id), display_name="M.", role="va")
    assert answer.status_code == 200


def test_an_id_of_another_org_is_taken(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Theirs")
    theirs, zoe = other.account(), other.va("Zoe")
    maya = world.admin()
    before = dump(world.database)
    answer = world.put(client, maya, f"admin/accounts/{theirs.id}", name="Mine")
    problem = assert_problem(answer, 409, "id_taken")
    assert problem["id"] == str(theirs.id)
    assert dump(world.database) == before
    # A person may be in both.
    answer = world.put(client, maya, f"admin/users/{zoe.user_id}", display_name="Z.", role="va")
    assert (answer.status_code, answer.json["user_id"]) == (201, str(zoe.user_id))
    assert other.member_now(zoe).display_name == "Zoe"


def test_erasing_leaves_the_user_in_other_orgs(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Theirs")
    zoe, maya = other.va("Zoe"), world.admin()
    path = f"admin/users/{zoe.user_id}"
    for _ in range(2):
        world.put(client, maya, path, display_name="Z.", role="va")
        assert list(
            assert_problem(world.delete(client, maya, path), 422, "validation_failed")["errors"]
        ) == ["erase"]
        before = world.versions()
        answer = world.delete(client, maya, path, erase="true")
        assert (answer.status_code, answer.data) == (204, b"")
        assert world.versions() == before
        assert other.member_now(zoe).active
    event = next(event for event in world.log() if event.kind == "member_erased")
    assert (event.user_id, event.actor_id) == (None, maya.user_id)
    for user_id in (zoe.user_id, uuid4()):
        answer = world.delete(client, maya, f"admin/users/{user_id}", erase="true")
        assert_problem(answer, 404, "not_found")
