"""A body on its way out, as it is or as a gzip member (RFC 1952).

What the bodies of many viewers begin with is written and compressed once for all of them. The
deflate stream (RFC 1951) is flushed there, so that it ends with a whole byte; each viewer's own end
follows as one stored block, the last. CRC-32 can be continued, so the trailer costs no more than
the end does.

The same body is always the same bytes, in every process: neither the time nor the machine is in the
header.
"""

import zlib
from collections.abc import Callable
from struct import pack
from typing import NamedTuple

GZIP_OVER_BYTES = 1024  # contract.md, "Conditional requests"

# Random ids in hexadecimal are most of a body. FILTERED leaves their short matches alone: a tenth
# smaller than by the default, in the same time. Levels above take twice as long for 1 %.
_LEVEL, _STRATEGY = 7, zlib.Z_FILTERED

# Deflate, no flags, no time, no hint about the level, unknown system.
_HEADER = b"\x1f\x8b\x08\0" + bytes(4) + b"\0\xff"
_LAST_STORED = 1  # the first byte of a stored block that is the last


class _Compressed(NamedTuple):
    deflated: bytes
    crc: int


class Beginning:
    """What several bodies begin with. It is written when somebody first asks for it."""

    __slots__ = ("__weakref__", "_compressed", "_plain", "_write")

    def __init__(self, write: Callable[[], bytes]) -> None:
        self._write: Callable[[], bytes] | None = write
        self._plain = b""
        self._compressed: _Compressed | None = None

    @property
    def plain(self) -> bytes:
        write = self._write
        if write is not None:
            self._plain = write()
            self._write = None  # it refers to all that it writes
        return self._plain

    @property
    def is_written(self) -> bool:
        return self._write is None

    @property
    def is_compressed(self) -> bool:
        return self._compressed is not None

    def prepare(self, *, as_gzip: bool) -> None:
        """Write it now, in this thread, and compress it, unless that has been done."""
        plain = self.plain
        if as_gzip:
            self._compressed = self._compressed or _compress(plain)

    def member(self, end: bytes) -> bytes:
        """The gzip member of it and ``end``.

        :param end: at most 65,535 bytes: the most that a stored block has
        """
        deflated, crc = self._compressed = self._compressed or _compress(self.plain)
        length = len(end)
        return b"".join(
            (
                _HEADER,
                deflated,
                pack("<BHH", _LAST_STORED, length, length ^ 0xFFFF),
                end,
                pack("<LL", zlib.crc32(end, crc), (len(self.plain) + length) & 0xFFFFFFFF),
            )
        )


class Body(NamedTuple):
    """
    :ivar end: what one viewer alone gets
    """

    beginning: Beginning
    end: bytes = b""

    @property
    def plain(self) -> bytes:
        return self.beginning.plain + self.end

    @property
    def is_long(self) -> bool:
        """Whether it is compressed for a client that accepts that."""
        return len(self.beginning.plain) + len(self.end) > GZIP_OVER_BYTES

    def is_prepared(self, *, as_gzip: bool) -> bool:
        """Whether what takes long has been done."""
        return self.beginning.is_written and (
            self.beginning.is_compressed or not (as_gzip and self.is_long)
        )

    def gzip(self) -> bytes:
        """The body as one gzip member."""
        return self.beginning.member(self.end)


def _compress(plain: bytes) -> _Compressed:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, strategy=_STRATEGY)
    deflated = deflate.compress(plain) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return _Compressed(deflated, zlib.crc32(plain))
