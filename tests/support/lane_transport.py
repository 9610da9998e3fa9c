"""A transport without a socket."""

import asyncio
from collections import deque
from typing import Any

END = b""  # nothing more comes


class Transport(asyncio.Transport):
    """Keeps what is written; gives the protocol what comes, unless it has paused."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.written = bytearray()
        self.is_closed = False
        self._loop = loop
        self.unread: deque[bytes] = deque()
        self._is_paused = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol: Any = protocol
        protocol.connection_made(self)

    def receive(self, data: bytes) -> None:
        if data:  # as sockets have it
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        if not self.is_closed:
            self.unread.append(data)
            self._deliver()

    def half_close(self) -> None:
        """The client sends nothing more."""
        self._receive(END)

    def _deliver(self) -> None:
        while self.unread and not self._is_paused and not self.is_closed:
            data = self.unread.popleft()
            if data:
                self._protocol.data_received(data)
            elif not self._protocol.eof_received():
                self.close()

    def write(self, data: Any) -> None:
        if not self.is_closed:
            self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self._loop.call_soon(self._deliver)
