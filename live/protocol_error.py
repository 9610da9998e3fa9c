"""What is answered by the protocol itself, since no request could be made of it."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE


class ProtocolError(Exception):
    """It ends the connection.

    :ivar reason: a word to count by
    """

    def __init__(self, reason: str, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.status = status

    def answer(self, default_headers: list[tuple[bytes, bytes]]) -> bytes:
        headers = [
            *default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(self.detail)),
            (b"connection", b"close"),
        ]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        return STATUS_LINE[self.status] + lines + b"\r\n" + self.detail.encode()
