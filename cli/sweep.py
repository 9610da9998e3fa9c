"""flask sweep"""

import click

from cli.common import as_json, errors_in_words, say
from context import context
from live import sweeper


@click.command()
@as_json
def sweep(as_json: bool) -> None:
    """Mark presences without heartbeats as stale, and end those without any for long."""
    with errors_in_words():
        stale, expired = sweeper.sweep(context())
    say(
        {"stale": stale, "expired": expired},
        f"{stale} became stale, {expired} expired.",
        as_json=as_json,
    )
