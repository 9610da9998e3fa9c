"""The flask commands, as their program runs them."""

import json
from typing import Any

from click.testing import Result
from flask import Flask


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
