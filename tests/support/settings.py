"""The settings of tests."""

from sqlalchemy.engine import make_url

from settings import Settings, from_environment

OWNER, APP = "presence_owner_", "presence_app_"  # begin the names of a database's roles
SECRET_KEY = "only for tests: thirty-two bytes or more"


# By a PostgreSQL's port, that of the pooler through which servers reach it.
poolers: dict[int | None, int] = {}


def serving(database_url: str) -> dict[str, str]:
    """The settings of servers for a database: on PostgreSQL they are not its owner."""
    at = make_url(database_url)
    owner = at.username or ""
    if not owner.startswith(OWNER):
        return {"DATABASE_URL": database_url}
    settings = {"DATABASE_URL": database_url, "PRESENCE_DB_ROLE": owner.replace(OWNER, APP)}
    if at.port in poolers:
        pooled = at.set(port=poolers[at.port]).render_as_string(hide_password=False)
        settings |= {"DATABASE_URL": pooled, "PRESENCE_LISTEN_URL": database_url}
    return settings


def settings_for(database_url: str, **environment: str) -> Settings:
    return from_environment(
        {
            "PRESENCE_SECRET_KEY": SECRET_KEY,
            **serving(database_url),
            **environment,
        }
    )
