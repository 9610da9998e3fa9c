"""docs/adopting.md leads from a project at Supabase to a page that shows who is where, and leaves
all of theirs as it is: directly, and through a pooler of transactions."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from dev_postgres import own_postgres
from tests.support import examples, react_app
from tests.support.adopting import Adopted, adopted
from tests.support.browser import context_of
from tests.support.pgbouncer import running_pgbouncer
from tests.support.stage import wait_until
from tests.support.supabase import ACCOUNTS, ANA, BEN, MAYA, NORTH, OLGA, OWNER, SAM, SOUTH, USERS

ACME, BRIGHT, *_ = ACCOUNTS
WITHIN_SECONDS = 1.0  # contract.md, "Credentials": the same bound holds for every change
OWN_SCHEMAS = ("presence", "presence_directory")


@pytest.fixture(scope="module", params=["direct", "transaction-pooler"])
def presence(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Adopted]:
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres())
        pooler = None
        if request.param != "direct":
            at = stack.enter_context(running_pgbouncer(postgres, users=(OWNER,)))
            pooler = urlsplit(at.url).netloc.partition("@")[2]
        folder = tmp_path_factory.mktemp("adopting")
        yield stack.enter_context(adopted(postgres, folder, pooler=pooler))


def test_nothing_of_theirs_was_touched(presence: Adopted) -> None:
    # What the page has its reader do themselves: triggers on three tables of theirs.
    def others(things: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        return [thing for thing in things if thing[0] != "relation"]

    assert others(presence.project.theirs()) == others(presence.untouched)


def test_the_page_does_what_it_says(presence: Adopted) -> None:
    examples.run(presence.rest, presence.folder)
    assert presence.call("/v1/clock-out", presence.issuer.token(ANA), data={}).status == 200


def seen(presence: Adopted, user: Any) -> Any:
    answer = presence.call("/v1/presence", presence.issuer.token(user))
    assert answer.status == 200, answer.text
    return answer.body


def test_the_whole_story_with_their_tokens_and_ids(presence: Adopted) -> None:
    ana, project = presence.issuer.token(ANA), presence.project
    held = presence.call("/v1/clock-in", ana, data={"account_id": str(BRIGHT)})
    assert held.status == 201, held.text
    assert held.body["member"]["user_id"] == str(ANA)

    wait_until(lambda: seen(presence, MAYA)["presence"])
    (entry,) = seen(presence, MAYA)["presence"]
    assert (entry["account_id"], entry["user_id"]) == (str(BRIGHT), str(ANA))
    assert entry["display_name"] == "Ana"
    for colleague in (ANA, BEN):
        body = seen(presence, colleague)
        assert body["presence"] == [{"account_id": str(BRIGHT)}]
        assert "Ana" not in json.dumps(body)
    assert seen(presence, OLGA)["presence"] == []

    def within(change: str, *values: Any, is_seen: Any) -> None:
        project.query(change, *values)
        changed_at = monotonic()
        wait_until(is_seen)
        assert monotonic() - changed_at < WITHIN_SECONDS

    def name_shown() -> Any:
        return [each["display_name"] for each in seen(presence, MAYA)["presence"]]

    rename = "UPDATE profiles SET display_name = %s WHERE id = %s"
    within(rename, "Ana Reyes", ANA, is_seen=lambda: name_shown() == ["Ana Reyes"])

    remove = "DELETE FROM memberships WHERE org_id = %s AND user_id = %s"
    within(remove, NORTH, ANA, is_seen=lambda: name_shown() == [])
    refused = presence.call("/v1/presence", ana)
    assert (refused.status, refused.body["reason"]) == (401, "deactivated")

    # Added again, she needs a token of after that: the time of issue has whole seconds.
    again = "INSERT INTO memberships (org_id, user_id, role) VALUES (%s, %s, 'va')"
    later = presence.issuer.token(ANA, iat=int(time()) + 2)
    within(again, NORTH, ANA, is_seen=lambda: presence.call("/v1/presence", later).status == 200)
    assert presence.call("/v1/me", later).body["presence"] is None
    assert presence.call("/v1/presence", ana).body["reason"] == "revoked"
    project.query(rename, USERS[ANA], ANA)


def test_who_is_in_two_orgs_has_to_say_which(presence: Adopted) -> None:
    sam = presence.issuer.token(SAM)
    answer = presence.call("/v1/presence", sam)
    assert (answer.status, answer.body["code"]) == (422, "org_required")
    assert {org["id"] for org in answer.body["orgs"]} == {str(NORTH), str(SOUTH)}
    for org in (NORTH, SOUTH):
        by_claim = presence.call("/v1/me", presence.issuer.token(SAM, org))
        by_header = presence.call("/v1/me", sam, org=org)
        assert by_claim.body["org"]["id"] == by_header.body["org"]["id"] == str(org)


def test_their_api_sees_nothing_of_presence(presence: Adopted) -> None:
    tables = presence.project.query(
        "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE schemaname = %s",
        "presence",
    )
    assert len(tables) > 10
    open_to = "SELECT has_schema_privilege(%s, %s, 'USAGE')"
    for role in ("anon", "authenticated"):
        for schema in OWN_SCHEMAS:
            assert presence.project.query(open_to, role, schema) == [(False,)]


@pytest.fixture
def page(presence: Adopted, chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """Their application, which nobody has signed in to."""
    react_app.build(tmp_path / "app", service=presence.server.url, org="window.org")
    port = urlsplit(presence.app).port
    assert port
    with react_app.serving(tmp_path / "app", port) as url, context_of(chromium) as context:
        page = context.new_page()
        page.goto(url)
        yield page


@pytest.mark.parametrize("presence", ["direct"], indirect=True)
def test_their_react_app_shows_who_is_where(presence: Adopted, page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
    expect(page.get_by_text("Signed out: missing")).to_be_visible()
    page.evaluate("token => signIn(token)", presence.issuer.token(MAYA))
    acme = page.get_by_role("listitem").filter(has_text="Acme Dental")
    expect(acme).to_have_text("Acme Dental ")
    ana = presence.issuer.token(ANA)
    assert presence.call("/v1/clock-in", ana, data={"account_id": str(ACME)}).status == 201
    expect(acme).to_contain_text("Ana •")
    presence.project.query("UPDATE accounts SET name = 'Acme Dentists' WHERE id = %s", ACME)
    expect(page.get_by_text("Acme Dentists")).to_be_visible()
    presence.project.query("UPDATE accounts SET name = 'Acme Dental' WHERE id = %s", ACME)

    # A refreshed token goes on as if nothing had happened.
    fresh = presence.issuer.token(MAYA, jti="refreshed")
    page.evaluate("token => signIn(token, 'TOKEN_REFRESHED')", fresh)
    with page.expect_response(lambda answer: answer.url.endswith("/v1/presence")) as polled:
        pass
    assert polled.value.request.headers["authorization"] == f"Bearer {fresh}"
    expect(acme).to_contain_text("Ana •")

    page.evaluate("signOut()")
    expect(page.get_by_text("Signed out: missing")).to_be_visible()
    assert "Ana" not in page.content()
    assert not [each for each in requests if "/v1/sessions" in each]

    # Ben is a VA. Sam is in two orgs.
    page.evaluate("token => signIn(token)", presence.issuer.token(BEN))
    expect(acme).to_have_text("Acme Dental Occupied")
    page.evaluate("signOut()")
    expect(page.get_by_text("Signed out: missing")).to_be_visible()
    page.evaluate("token => signIn(token)", presence.issuer.token(SAM))
    expect(page.get_by_text("Signed out: org_required")).to_be_visible()
    page.evaluate(
        "token => { window.org = token.org; signIn(token.raw); }",
        {"org": str(SOUTH), "raw": presence.issuer.token(SAM)},
    )
    expect(page.get_by_text("Harbour Inn")).to_be_visible()
    expect(acme).to_have_count(0)
    assert presence.call("/v1/clock-out", ana, data={}).status == 200
