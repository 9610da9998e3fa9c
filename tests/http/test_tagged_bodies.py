"""Bodies that carry a tag change only together with the release number in tags.

A client that has a tag of before such a change would otherwise be told that nothing changed.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.app_client import AppClient
from tests.support.world import World

KNOWN = Path(__file__).with_name("tagged_bodies.txt")
RELEASE = re.compile(r'^W/"(\d+)\.')
THEN = datetime(2026, 11, 22, 12, 42, tzinfo=UTC)
SWEPT = datetime(2026, 11, 22, 12, 50, tzinfo=UTC)
ADVICE = (
    "A body that carries a tag has changed. If it changed for clients that have it already, raise "
    "BODY_RELEASE in wire/tags.py. Then put what this test found into tests/http/tagged_bodies.txt."
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_changed_body_has_a_raised_release(world: World, client: AppClient) -> None:
    found = scene(world, client)
    assert found == KNOWN.read_text(), f"{ADVICE}\n\n{found}"


def scene(world: World, client: AppClient) -> str:
    """Every tagged body: of an admin, of a VA who is clocked in, and of one for one account."""
    maya, ana, ben = world.admin(), world.va(), world.va("Ben Cruz")
    # Presences are in the order of ids, and lists in the order of names.
    acme, heron = sorted((world.account("1"), world.account("2")), key=lambda each: each.id)
    world.rename_account(acme, "Acme Dental")
    world.rename_account(heron, "=Blue Heron, Bakery")
    world.clock_in(ana, acme, THEN)
    world.clock_in(ben, heron, SWEPT)
    world.sweep(SWEPT)
    presences = {held.user_id: held.presence_id for held in world.held()}
    ids = [acme.id, heron.id, presences[ana.user_id], presences[ben.user_id]]
    ids += [ana.user_id, ben.user_id]
    viewers = {
        "an admin": world.bearer(maya),
        "a VA who is clocked in": world.bearer(ana),
        "a VA for one account alone": world.bearer(ben, account=acme),
    }
    parts = []
    for viewer, headers in viewers.items():
        for media_type in formats(client):
            answer = client.get("/v1/presence", headers=headers | {"Accept": media_type})
            parts.append((f"{answer.mimetype} for {viewer}", answer))
        parts.append((f"accounts for {viewer}", client.get("/v1/accounts", headers=headers)))
    (release,) = {RELEASE.findall(answer.headers["ETag"])[0] for _, answer in parts}
    text = "".join(f"\n== {title}\n{answer.text}\n" for title, answer in parts)
    for number, id_ in enumerate(ids, start=1):
        text = text.replace(str(id_), f"00000000-0000-4000-8000-{number:012}")
    text = re.sub(r"\b1\d{12}\b", "1795341742456", text)
    return f"BODY_RELEASE = {release}\n{text}".replace("\r\n", "\n")


def formats(client: AppClient) -> list[str]:
    """The media types of the snapshot, as they are documented."""
    document = client.get("/openapi.json").json
    return list(document["paths"]["/v1/presence"]["get"]["responses"]["200"]["content"])
