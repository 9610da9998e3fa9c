"""What the hot path counts: plain integers, brought to the metrics once a second."""

from collections import Counter


class Counts:
    """Polls since the process began.

    :ivar by_lane: 304s of the express lane
    :ivar by_gate: 304s of the gate, from a question it had
    :ivar judged: all other answers of the gate, by status
    :ivar delegated: polls left to Flask, by why
    :ivar problems: what was answered with a problem, by status and code
    """

    __slots__ = ("by_gate", "by_lane", "delegated", "judged", "problems")

    def __init__(self) -> None:
        self.by_lane = 0
        self.by_gate = 0
        self.judged: Counter[int] = Counter()
        self.delegated: Counter[str] = Counter()
        self.problems: Counter[tuple[int, str]] = Counter()
