"""One request and its answer: uvicorn's, for clients that stop talking before they are answered."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Cycle(RequestResponseCycle):
    """
    :ivar has_left: the client has said its last word; it may still listen
    """

    has_left = False
    _is_read = False  # the body, to its end

    async def receive(self) -> Any:
        if self.has_left and self._is_read:
            return {"type": "http.disconnect"}
        message = await super().receive()
        if message["type"] == "http.request":
            if self.has_left and self._is_read:
                return {"type": "http.disconnect"}
            self._is_read = not message["more_body"]
        return message

    def leave(self) -> None:
        """The client has half-closed: who waits for more of it waits in vain."""
        self.has_left = True
        self.message_event.set()

    def drop(self) -> None:
        """Nobody is to be answered any more."""
        self.disconnected = not self.response_complete
        self.message_event.set()


class ExpectingCycle(Cycle):
    """The client waits for a 100 before it sends the body (RFC 9110, 10.1.1)."""

    async def send(self, message: Any) -> None:
        if self.waiting_for_100_continue and not self.response_started:
            # Whether the body still comes is the client's choice: what comes next could be either
            # it or a request.
            self.keep_alive = False
        await super().send(message)
