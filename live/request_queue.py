"""The requests of one connection, answered one by one in the order in which they came."""

from live.request_cycle import RequestCycle


class RequestQueue:
    """
    :ivar answering: the request that was taken last
    """

    __slots__ = ("_waiting", "answering")

    def __init__(self) -> None:
        self.answering: RequestCycle | None = None
        self._waiting: list[RequestCycle] = []  # a few; an empty deque takes ten times the memory

    def __len__(self) -> int:
        """How many wait to be taken."""
        return len(self._waiting)

    @property
    def is_next_due(self) -> bool:
        """Whether one waits, and the one before it is answered."""
        before = self.answering
        return bool(self._waiting) and (before is None or before.response_complete)

    def add(self, cycle: RequestCycle) -> None:
        self._waiting.append(cycle)

    def take(self) -> RequestCycle:
        """The oldest that waits, to be answered now."""
        self.answering = self._waiting.pop(0)
        return self.answering

    def take_back(self) -> None:
        """Have the application not answer the one that it was given last."""
        if self.answering is not None:
            self.answering.take_back()

    def drop_newest(self) -> None:
        """Never answer the one that came last."""
        if self._waiting:
            self._waiting.pop()
        elif self.answering is not None:
            self.answering.drop()

    def drop_waiting(self) -> None:
        self._waiting.clear()

    def unanswered(self) -> list[RequestCycle]:
        """Those without a complete answer, oldest first."""
        now = self.answering
        first = [now] if now and not now.response_complete and not now.disconnected else []
        return first + self._waiting
