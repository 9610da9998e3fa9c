"""flask doctor"""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import urlsplit

import click
import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from cli.common import as_json, say
from cli.role import may_serve
from context import context
from feeds import notifications
from models.reach import NO_ORG
from services import readiness

TIMEOUT_SECONDS = 10
ANSWER_BYTES = 64 * 1024
SET_UP = "Run: flask setup"
REMEDIES = {"database": "Is DATABASE_URL that of a standby? Use the primary's."}


class Check(NamedTuple):
    """
    :ivar state: ``ok``, or what is wrong; the feed's is also its kind
    :ivar remedy: what to do about it; None where there is nothing to do
    """

    part: str
    state: str
    remedy: str | None = None

    @property
    def is_well(self) -> bool:
        return self.state in ("ok", "listen", "poll")


@click.command()
@click.option("--url", help="Ask the server at this address too: its /readyz.")
@as_json
def doctor(url: str | None, as_json: bool) -> None:
    """Look for what is wrong, and say what to do about it."""
    checks = [*_of_database(), *(_of_server(url) if url else ())]
    are_well = all(check.is_well for check in checks)
    said = {
        "status": "ok" if are_well else "trouble",
        "checks": {each.part: {"state": each.state, "remedy": each.remedy} for each in checks},
    }
    say(said, "\n".join(map(_words, checks)), as_json=as_json)
    if not are_well:
        raise SystemExit(1)


def _of_database() -> list[Check]:
    database = context().database
    try:
        with database.read(NO_ORG) as session:
            states = readiness.states(session.connection())
            role = _of_role(session.connection())
        feed = Check("change_feed", "poll") if database.is_sqlite else _feed()
    except SQLAlchemyError as error:
        return [Check("database", _first_line(error), "Is it running, and DATABASE_URL right?")]
    parts = [
        Check(part, state, REMEDIES.get(part, SET_UP) if state != "ok" else None)
        for part, state in states.items()
    ]
    return [*parts, *role, feed]


def _of_role(connection: Connection) -> list[Check]:
    """Whether servers can be the role that the settings name."""
    name = context().settings.db_role
    if name is None or connection.dialect.name == "sqlite":
        return []
    if may_serve(connection, name):
        return [Check("role", "ok")]
    return [Check("role", f"{name} lacks rights", f"Run: flask setup --role {name}")]


def _feed() -> Check:
    remedy = "To notify instead, set PRESENCE_LISTEN_URL to PostgreSQL's own address."
    try:
        arrive = notifications.arrive(context().database, context().settings)
    except psycopg2.Error as error:
        return Check("change_feed", _first_line(error), remedy)
    return Check("change_feed", "listen") if arrive else Check("change_feed", "poll", remedy)


def _of_server(url: str) -> list[Check]:
    if urlsplit(url).scheme not in ("http", "https"):
        raise click.BadParameter("must be like https://presence.example.com", param_hint="--url")
    try:
        states = _readyz(url.rstrip("/") + "/readyz")
    except (OSError, ValueError, HTTPException) as error:
        return [Check("server", _first_line(error), f"Does Presence answer at {url}?")]
    return [Check(f"server {part}", str(state), None) for part, state in states.items()]


def _readyz(url: str) -> dict[str, str]:
    """The state of each part, as the server has it.

    :raises ValueError: something else answers there
    """
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - see above
            body = answer.read(ANSWER_BYTES)
    except urllib.error.HTTPError as error:
        body = error.read(ANSWER_BYTES)
    found = json.loads(body)
    if not isinstance(found, dict) or not isinstance(found.get("checks"), dict):
        raise ValueError("the answer is not Presence's")
    return dict(found["checks"])


def _words(check: Check) -> str:
    words = f"{check.part.replace('_', ' ')}: {check.state}"
    return f"{words}. {check.remedy}" if check.remedy else words


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).partition("\n")[0]
