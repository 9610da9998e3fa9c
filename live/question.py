"""The question of a poll: is what this client has still what it would get?

The gate and the express lane both hold questions and both ask :meth:`Question.still_unchanged`,
so the lane can't answer otherwise than the gate.
"""

from live.snapshots import Loaded, OrgMemory, Snapshots

RawHeaders = list[tuple[bytes, bytes]]


class Question:
    """A poll that was answered 304.

    :ivar headers: of that answer
    :ivar wire: the same as they are sent, after the status line and the date
    """

    __slots__ = ("_mark", "_snapshots", "expires_at", "headers", "org", "view", "wire")

    def __init__(
        self,
        snapshots: Snapshots,
        org: OrgMemory,
        loaded: Loaded,
        view: str,
        *,
        expires_at: float,
        headers: RawHeaders,
    ) -> None:
        """
        :param loaded: what the answer was judged by
        :param expires_at: the end of the token, by ``time.monotonic()``
        """
        self._snapshots = snapshots
        self._mark = loaded.mark
        self.org = org
        self.view = view
        self.expires_at = expires_at
        self.headers = headers
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.wire = b"".join(lines) + b"\r\n"

    def still_unchanged(self, now: float) -> bool:
        """Whether the answer is that 304 again.

        Nothing was read since, so neither a version nor a member can differ; and the feed vouches
        that there was nothing to read.

        :param now: ``time.monotonic()``
        """
        org = self.org
        loaded = org.loaded
        if (
            loaded is not None
            and loaded.mark is self._mark
            and now < self._snapshots.lease_until
            and now < org.trusted_until
            and now < self.expires_at
        ):
            org.polled_at = now
            return True
        return False
