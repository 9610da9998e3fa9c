"""A server that only reads, as a standby does, is told from a fault."""

from sqlalchemy.engine import make_url

from app import create_app
from tests.support.app_client import AppClient
from tests.support.databases import empty_postgresql, migrate
from tests.support.outside import query
from tests.support.problems import assert_problem
from tests.support.settings import settings_for
from tests.support.world import World

TERMINATE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}'"


def test_a_server_that_only_reads_is_a_503(postgresql_server: str) -> None:
    with empty_postgresql(postgresql_server) as url:
        migrate(url)
        app = create_app(settings_for(url))
        database = app.extensions["presence"].database
        world, client = World(database, settings_for(url)), AppClient(app)
        ana, acme = world.va(), world.account()
        name = make_url(url).database
        bearer = world.bearer(ana)
        query(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        # Those that are open, to a pooler's too, may still write.
        query(postgresql_server, TERMINATE.format(name))
        try:
            answer = client.post("/v1/clock-in", json={"account_id": str(acme.id)}, headers=bearer)
            assert_problem(answer, 503, "database_unavailable")
            assert client.get("/readyz").json["checks"]["database"] == "read-only"
        finally:
            database.close()
