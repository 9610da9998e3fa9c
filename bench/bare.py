"""The least that an ASGI application can do: a 304 with the headers of the gate's."""

from live.asgi import Receive, Scope, Send

HEADERS = [
    (b"etag", b'W/"2.admin.json.00000000000000000000000000000000.1795353363823.43200"'),
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Authorization, Accept, Accept-Encoding, Origin, Prefer, Presence-Org"),
    (b"x-poll-interval", b"2"),
    (b"x-content-type-options", b"nosniff"),
]


class Bare:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for moment in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{moment}.complete"})
            return
        await send({"type": "http.response.start", "status": 304, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def stop_waiting(self) -> None:
        """The worker asks for this at its end."""


application = Bare()
