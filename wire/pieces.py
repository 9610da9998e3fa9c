"""Bodies in pieces: what is large is written as its reader takes it."""

from collections.abc import Iterable, Iterator
from itertools import chain

PIECE_BYTES = 64 * 1024


def whole_or_in_pieces(lines: Iterable[bytes]) -> bytes | Iterator[bytes]:
    """A body of these lines: whole where that is one piece."""
    pieces = gathered(lines)
    first, second = next(pieces, b""), next(pieces, None)
    return first if second is None else chain((first, second), pieces)


def gathered(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of as many lines as they may have; what is larger is a piece by itself."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and size + len(line) > PIECE_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    if piece:
        yield b"".join(piece)
