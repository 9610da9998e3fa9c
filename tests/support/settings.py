"""The settings of tests."""

from sqlalchemy.engine import make_url

from settings import Settings, from_environment

OWNER, APP = "presence_owner_", "presence_app_"  # begin the names of a database's roles
SECRET_KEY = "only for tests: thirty-two bytes or more"


def serving(database_url: str) -> dict[str, str]:
    """The settings of servers beyond their database: on PostgreSQL they are not its owner."""
    owner = make_url(database_url).username or ""
    if not owner.startswith(OWNER):
        return {}
    return {"PRESENCE_DB_ROLE": owner.replace(OWNER, APP)}


def settings_for(database_url: str, **environment: str) -> Settings:
    return from_environment(
        {
            "DATABASE_URL": database_url,
            "PRESENCE_SECRET_KEY": SECRET_KEY,
            **serving(database_url),
            **environment,
        }
    )
