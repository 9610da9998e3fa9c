"""Reads gzip members by RFC 1952 and RFC 1951, and shares nothing with zlib."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

MAGIC, DEFLATE = b"\x1f\x8b", 8
STORED, FIXED, DYNAMIC = 0, 1, 2
# RFC 1951, 3.2.5 and 3.2.7
EXTRA_OF_LENGTHS = [0] * 8 + [bits for bits in range(1, 6) for _ in range(4)] + [0]
LENGTHS = [*accumulate([1 << bits for bits in EXTRA_OF_LENGTHS[:-2]], initial=3), 258]
EXTRA_OF_DISTANCES = [0, 0] + [bits for bits in range(14) for _ in range(2)]
DISTANCES = list(accumulate([1 << bits for bits in EXTRA_OF_DISTANCES[:-1]], initial=1))
ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
FIXED_LENGTHS = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8

Codes = dict[tuple[int, int], int]


class Member(NamedTuple):
    """
    :ivar blocks: the kind and the length of each
    """

    body: bytes
    blocks: list[tuple[int, int]]


class Bits:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0  # in bits

    def take(self, count: int) -> int:
        value = 0
        for position in range(count):
            value |= (self.data[self.at >> 3] >> (self.at & 7) & 1) << position
            self.at += 1
        return value

    def symbol(self, codes: Codes) -> int:
        code = length = 0
        while (length, code) not in codes:
            code, length = code << 1 | self.take(1), length + 1
            assert length <= 15
        return codes[length, code]

    def bytes(self, count: int) -> bytes:
        """The next whole bytes; the rest of the one begun is left out."""
        start = -(-self.at // 8)
        self.at = 8 * (start + count)
        assert self.at <= 8 * len(self.data)
        return self.data[start : start + count]


def only_member(data: bytes) -> Member:
    """The one member that ``data`` is, and nothing more."""
    assert data[:3] == MAGIC + bytes([DEFLATE])
    assert data[3] == 0, "no name, no comment, no extra field"
    assert data[4:8] == bytes(4), "no time"
    bits = Bits(data)
    bits.at = 80
    body, blocks, is_last = bytearray(), [], False
    while not is_last:
        is_last, kind, begun = bool(bits.take(1)), bits.take(2), len(body)
        if kind == STORED:
            length, complement = (int.from_bytes(bits.bytes(2), "little") for _ in range(2))
            assert length ^ complement == 0xFFFF
            body += bits.bytes(length)
        else:
            assert kind in (FIXED, DYNAMIC)
            _inflate(bits, body, *(_fixed() if kind == FIXED else _dynamic(bits)))
        blocks.append((kind, len(body) - begun))
    crc, length = (int.from_bytes(bits.bytes(4), "little") for _ in range(2))
    assert crc == _crc(body)
    assert length == len(body)
    assert bits.at == 8 * len(data), "nothing after the member"
    return Member(bytes(body), blocks)


def _inflate(bits: Bits, body: bytearray, literals: Codes, distances: Codes) -> None:
    while (symbol := bits.symbol(literals)) != 256:
        if symbol < 256:
            body.append(symbol)
            continue
        length = LENGTHS[symbol - 257] + bits.take(EXTRA_OF_LENGTHS[symbol - 257])
        which = bits.symbol(distances)
        distance = DISTANCES[which] + bits.take(EXTRA_OF_DISTANCES[which])
        assert distance <= len(body)
        for _ in range(length):
            body.append(body[-distance])


def _fixed() -> tuple[Codes, Codes]:
    return _codes(FIXED_LENGTHS), _codes([5] * 30)


def _dynamic(bits: Bits) -> tuple[Codes, Codes]:
    literals, distances, count = bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4
    of_lengths = [0] * 19
    for position in ORDER[:count]:
        of_lengths[position] = bits.take(3)
    codes, lengths = _codes(of_lengths), list[int]()
    while len(lengths) < literals + distances:
        symbol = bits.symbol(codes)
        if symbol < 16:
            lengths.append(symbol)
        elif symbol == 16:
            lengths += [lengths[-1]] * (3 + bits.take(2))
        else:
            lengths += [0] * (3 + bits.take(3) if symbol == 17 else 11 + bits.take(7))
    assert len(lengths) == literals + distances
    return _codes(lengths[:literals]), _codes(lengths[literals:])


def _codes(lengths: Sequence[int]) -> Codes:
    """RFC 1951, 3.2.2."""
    codes, code = Codes(), 0
    for length in range(1, 16):
        code <<= 1
        for symbol, own in enumerate(lengths):
            if own == length:
                codes[length, code] = symbol
                code += 1
    return codes


def _crc(body: bytearray) -> int:
    """RFC 1952, 8."""
    crc = 0xFFFFFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
