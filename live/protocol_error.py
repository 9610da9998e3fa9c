"""A request that can't be parsed, and the answer that the protocol itself gives to it."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE


class ProtocolError(Exception):
    """Its answer ends the connection.

    :ivar reason: for the metrics
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
