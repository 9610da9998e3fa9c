"""What the hot path counts: plain integers, brought to the metrics once a second."""

from collections import Counter


class Counts:
    """What has happened since the process began.

    :ivar by_lane: 304s of the express lane
    :ivar by_gate: 304s of the gate, from a question it had
    :ivar judged: all other answers of the gate, by status
    :ivar delegated: polls left to Flask, by why
    :ivar problems: what was answered with a problem, by status and code
    :ivar refused: requests that the protocol itself refused, by why
    :ivar refused_last: the address of the last of them
    :ivar ended: connections that were ended without an answer, by why
    """

    __slots__ = (
        "by_gate",
        "by_lane",
        "delegated",
        "ended",
        "judged",
        "problems",
        "refused",
        "refused_last",
    )

    def __init__(self) -> None:
        self.by_lane = 0
        self.by_gate = 0
        self.judged: Counter[int] = Counter()
        self.delegated: Counter[str] = Counter()
        self.problems: Counter[tuple[int, str]] = Counter()
        self.refused: Counter[str] = Counter()
        self.refused_last = ""
        self.ended: Counter[str] = Counter()

    def refuse(self, why: str, client: tuple[str, int] | None) -> None:
        self.refused[why] += 1
        self.refused_last = client[0] if client else "a local socket"
