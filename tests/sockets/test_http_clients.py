"""Clients as they come that offer HTTP/2 by `Upgrade` with every request."""

import subprocess
from pathlib import Path

import pytest

from tests.support.programs import program
from tests.support.stage import Stage

JAVA = """
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Ask {
  public static void main(String[] args) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    for (int i = 0; i < 3; i++) {
      HttpRequest.BodyPublisher body = i < 2
          ? HttpRequest.BodyPublishers.ofString(args[1])
          : HttpRequest.BodyPublishers.ofInputStream(
              () -> new java.io.ByteArrayInputStream(args[1].getBytes()));
      HttpRequest request = HttpRequest.newBuilder(URI.create(args[0]))
          .header("Content-Type", "application/json").POST(body).build();
      HttpResponse<String> answer =
          client.send(request, HttpResponse.BodyHandlers.ofString());
      System.out.println(answer.statusCode() + " " + answer.body());
    }
  }
}
"""


def test_the_jdks_client_signs_in(stage: Stage, tmp_path: Path) -> None:
    java = program("java")
    program("javac")  # which runs sources
    (tmp_path / "Ask.java").write_text(JAVA)
    code = stage.world.code(stage.world.va("Java Jones"))
    arguments = [f"{stage.server.url}/v1/sessions", f'{{"access_code": "{code}"}}']
    said = subprocess.run(
        [java, "-XX:TieredStopAtLevel=1", tmp_path / "Ask.java", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [line for line in said.stdout.splitlines() if line]
    assert len(lines) == 3, said.stderr
    for line in lines:
        assert line.startswith("200 ")
        assert "Java Jones" in line


@pytest.mark.parametrize("options", [(), ("-H", "Transfer-Encoding: chunked")])
def test_curl_signs_in_with_http2(stage: Stage, options: tuple[str, ...]) -> None:
    code = stage.world.code(stage.world.va("Curly Jones"))
    body = f'{{"access_code": "{code}"}}'
    said = subprocess.run(
        [
            *(program("curl"), "--silent", "--http2", "--noproxy", "*", *options),
            *("-H", "Content-Type: application/json", "-d", body),
            f"{stage.server.url}/v1/sessions",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Curly Jones" in said.stdout
