"""Long bodies and queries cost, and give back, hardly more than their bytes, whoever sends them."""

from time import perf_counter

from tests.support.app_client import AppClient
from tests.support.problems import assert_problem


def test_only_the_first_of_many_unknown_fields_are_named(client: AppClient) -> None:
    fields = {f"{number:04x}": 0 for number in range(5000)}
    query = "&".join(fields)[:14_000]
    for answer in (
        client.post("/v1/sessions", json=fields),
        client.get("/v1/presence", json=fields),
        client.get(f"/v1/admin/clock-events?{query}"),
        client.get(f"/v1/presence?{query}"),
        client.get(f"/v1/presence?{query}&{query}"),
    ):
        errors = assert_problem(answer, 422, "validation_failed")["errors"]
        assert len(errors) == 20
        assert len(answer.data) < 2048


def test_what_is_too_long_to_be_right_is_not_looked_through(client: AppClient) -> None:
    """Before it is known who sent it; each took tens of milliseconds."""
    long = "-" * 60_000
    rejected = client.post("/v1/sessions", json={"access_code": long})
    assert_problem(rejected, 401, "access_code_rejected")
    answer = client.post("/v1/admin/members", json={"display_name": long, "role": "va"})
    assert_problem(answer, 422, "validation_failed")
    answer = client.post(
        "/v1/clock-out", data="{}", content_type="application/json" + ";a=b" * 4000
    )
    assert_problem(answer, 415, "unsupported_media_type")


def test_the_description_of_the_api_is_made_once(client: AppClient) -> None:
    def ask() -> None:
        assert client.get("/openapi.json").status_code == 200

    def seconds() -> float:
        begun = perf_counter()
        ask()
        return perf_counter() - begun

    ask()
    assert min(seconds() for _ in range(5)) < 0.005  # to write it took 20 ms
