"""curl as a client of the real server."""

import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.support.programs import program
from tests.support.server import Server, environment

CODE = re.compile(r"^  (\S.*?) +(?:admin|va) +([0-9A-Z]{4}(?:-[0-9A-Z]{4}){2})$", re.MULTILINE)


@dataclass
class Answer:
    status: int
    headers: str
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


def curl(url: str, *options: str, token: str | None = None, data: Any = None) -> Answer:
    if token is not None:
        options += ("--header", f"Authorization: Bearer {token}")
    if data is not None:
        options += ("--json", json.dumps(data))
    quietly = ["--silent", "--show-error", "--include", "--max-time", "60"]
    command = [program("curl"), *quietly, *options, url]
    done = subprocess.run(command, env=environment(), capture_output=True, check=True)
    headers, _, text = done.stdout.decode().partition("\r\n\r\n")
    return Answer(int(headers.split()[1]), headers, text)


def codes(server: Server) -> dict[str, str]:
    """The access codes that the start printed, by name."""
    return dict(CODE.findall(server.output))
