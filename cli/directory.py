"""flask directory"""

import click

from cli.common import as_json, errors_in_words, say
from context import context
from live import directory_sync
from live.directory_views import Unusable


@click.group()
def directory() -> None:
    """Accounts and members as another application has them."""


@directory.command()
@as_json
def sync(as_json: bool) -> None:
    """Make all orgs as the views in PRESENCE_DIRECTORY_SCHEMA have them."""
    schema = context().settings.directory_schema
    if schema is None:
        raise click.ClickException("PRESENCE_DIRECTORY_SCHEMA is not set.")
    try:
        with errors_in_words():
            found = directory_sync.compare_all(context(), schema)
    except Unusable as error:
        raise click.ClickException(f"The directory can't be used: {error}") from None
    left = {str(org_id): why for org_id, why in found.items() if why is not None}
    words = [f"{org_id} is left as before: {why}" for org_id, why in left.items()]
    words.append(f"{len(found) - len(left)} orgs are as the directory has them.")
    say({"orgs": len(found), "left": left}, "\n".join(words), as_json=as_json)
