"""The settings of tests."""

from settings import Settings, from_environment

SECRET_KEY = "only for tests: thirty-two bytes or more"


def settings_for(database_url: str, **environment: str) -> Settings:
    return from_environment(
        {"DATABASE_URL": database_url, "PRESENCE_SECRET_KEY": SECRET_KEY, **environment}
    )
