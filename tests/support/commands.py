"""The flask commands, as their program runs them."""

import json
import re
from typing import Any

from click.testing import Result
from flask import Flask

from tests.support.app_client import AppClient


def invoke(app: Flask, *arguments: str) -> Result:
    # As the flask program does.
    with app.app_context():
        return app.test_cli_runner().invoke(args=arguments)


def words(app: Flask, *arguments: str) -> str:
    """What a command that works prints."""
    done = invoke(app, *arguments)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    return done.stdout


def as_json(app: Flask, *arguments: str) -> Any:
    (line,) = words(app, *arguments, "--json").splitlines()
    return json.loads(line)


def refusal(app: Flask, *arguments: str) -> str:
    """The one line of a command that can't do it."""
    done = invoke(app, *arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert isinstance(done.exception, SystemExit), done.exception
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def misuse(app: Flask, *arguments: str) -> str:
    """The last line of a command that was typed wrongly, after how to type it."""
    done = invoke(app, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.stderr.startswith("Usage: ")
    return done.stderr.splitlines()[-1]


# Whole words only: three groups of digits within a UUID look like a code.
CODE = re.compile(r"(?<![\w-])[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}(?![\w-])")


def signed_in(client: AppClient, code: str) -> Any:
    answer = client.post("/v1/sessions", json={"access_code": code})
    assert answer.status_code == 200, answer.json
    return answer.json


def me(client: AppClient, token: str) -> Any:
    answer = client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.json
    return answer.json


def last_word(line: str) -> str:
    return line.split()[-1]
