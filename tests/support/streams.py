"""Makes what clients send: right, wrong, and to be read in two ways. Each request has an id."""

from random import Random

UPGRADES = (
    ("Connection: Upgrade", "Upgrade: foo"),
    ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
    ("connection: keep-alive, Upgrade", "upgrade: websocket"),
    ("Connection: close, Upgrade", "Upgrade: h2c"),
    ("Connection: upgrade",),
    ("Upgrade: h2c",),
)
# Beside the usual headers; most are no harm, some are refused.
HARMLESS = (
    *UPGRADES,
    ("X-Text: \x80\xff \t t",),
    ("EXPECT: 100-continue",),
    ("Connection: close",),
    ("Connection: keep-alive",),
    ("X-Empty:",),
    ("Trailer: X-Id",),
    ("TE: trailers",),
)
HARMFUL = (
    ("X-Folded: a\r\n b",),
    (" X-Begins: folded",),
    ("X-Bare: a\nX-Id: evil",),
    ("X-Bare: a\rX-Id: evil",),
    ("X-Nul: \0",),
    ("X-Spaced : a",),
    ("Content-Length : 7",),
    ("X-No-Colon",),
    (": no-name",),
    ("X(bad): a",),
    ("Host: other",),
    ("Transfer-Encoding\t: chunked",),
)
HOSTS = (
    *["Host: presence"] * 12,
    "hOST:presence:8000",
    "Host: [::1]:80 ",
    "Host: 127.0.0.1",
    "X-None: a",
    "Host: a b",
    "Host: a/b",
    "Host: user@a",
    "Host:",
    "Host: a:b",
    "Host: a, b",
)
LINES = (
    *["{method} /{id} HTTP/1.1"] * 24,
    "{method} http://other/{id} HTTP/1.1",
    "{method} /{id} HTTP/1.0",
    "{method} HTTP://other:80?{id} HTTP/1.1",
    "{method} ftp://other/{id} HTTP/1.1",
    "{method} /{id}#f HTTP/1.1",
    "{method}  /{id} HTTP/1.1",
    "{method} /{id} HTTP/1.1 ",
    "{method} /{id} HTTP/1.2",
    "{method} /{id} HTTP/2.0",
    "{method} /{id} http/1.1",
    "{method} /{id}",
    "{method}\t/{id} HTTP/1.1",
    "get /{id} HTTP/1.1",
    "CONNECT {id}:80 HTTP/1.1",
    "CONNECT /{id} HTTP/1.1",
    "{method} * HTTP/1.1",
    "{method} /\x80 HTTP/1.1",
)
CODINGS = (
    *["Transfer-Encoding: chunked"] * 8,
    "transfer-encoding:\tCHUNKED ",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding:",
    "Transfer-Encoding: chunked\r\nContent-Length: {length}",
    "Content-Length: {length}\r\nTransfer-Encoding: chunked",
)
LENGTHS = (
    *["Content-Length: {length}"] * 10,
    "content-length:\t{length} ",
    "Content-Length: 00{length}",
    "Content-Length: {shorter}",
    "Content-Length: {longer}",
    "Content-Length: {length}\r\nContent-Length: {length}",
    "Content-Length: {length}\r\nContent-Length: {longer}",
    "Content-Length: {length}, {length}",
    "Content-Length: +{length}",
    "Content-Length: -{length}",
    "Content-Length: 0x{length}",
    "Content-Length: {length}.0",
    "Content-Length: 1_{length}",
    "Content-Length: \xb2",
    "Content-Length:",
    "Content-Length: 99999999999999999999",
)
CHUNK_LINES = (
    *["{size:x}\r\n"] * 12,
    "{size:X};a=b\r\n",
    "00{size:x} ;a\r\n",
    '{size:x};a="b;c"\r\n',
    "{size:x}\n",
    "{size:x} \r\n",
    "0x{size:x}\r\n",
    "-{size:x}\r\n",
    "{size:x};a\nb\r\n",
    "{size:x};\0\r\n",
    "000000000{size:x}\r\n",
    "g\r\n",
    "\r\n",
)
TRAILERS = (
    *["\r\n"] * 8,
    "X-Id: evil\r\n\r\n",
    "A: b\r\nC: d\r\n\r\n",
    "no trailer\r\n\r\n",
    "A: b\n\r\n\r\n",
    " folded: a\r\n\r\n",
    "Content-Length: 4\r\n\r\n",
)
JUNK = (
    "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\r\n",
    "\n",
    "\0",
    "body\r\n\r\n",
    "SSH-2.0-x\r\n",
)


class Stream:
    """``parts`` are what a client sends one after the other: each a request, or what it is not."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._ids = 0
        self._is_wild = self._random.random() < 0.5  # else nearly all is right
        self.parts = [self._part() for _ in range(self._random.randint(1, 6))]
        self.is_cut_short = self._random.random() < 0.1
        if self.is_cut_short:
            last = self.parts.pop()
            self.parts.append(last[: self._random.randrange(len(last))])

    @property
    def sent(self) -> bytes:
        return b"".join(self.parts)

    def reads(self) -> list[bytes]:
        """The same bytes as a server may read them."""
        sent, how = self.sent, self._random.randrange(5)
        if how == 0:
            return [sent]
        if how == 1:
            return self.parts
        if how == 2:
            return [sent[at : at + 1] for at in range(len(sent))]
        if how == 3:  # heads and bodies apart
            return [
                piece
                for part in self.parts
                for head, end, body in (part.partition(b"\r\n\r\n"),)
                for piece in (head + end, body)
            ]
        cuts = sorted(self._random.randrange(len(sent) + 1) for _ in range(4))
        return [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]

    def _chance(self, wild: float, tame: float = 0.01) -> bool:
        return self._random.random() < (wild if self._is_wild else tame)

    def _one(self, options: tuple[str, ...], wild: float = 0.3) -> str:
        """The first of ``options`` is the right one."""
        return self._random.choice(options) if self._chance(wild) else options[0]

    def _part(self) -> bytes:
        if self._chance(0.06, 0.005):
            return self._random.choice(JUNK).encode("latin-1")
        before = "\r\n" * self._random.choice((0, 0, 0, 1, 2))
        return (before + self._request()).encode("latin-1")

    def _request(self) -> str:
        self._ids += 1
        method = self._random.choice(("GET", "GET", "POST", "POST", "HEAD", "PATCH"))
        lines = [self._one(LINES).format(method=method, id=self._ids), self._one(HOSTS)]
        lines.append(f"X-Id: {self._ids}")
        for _ in range(self._random.choice((0, 1, 1, 2))):
            lines += self._random.choice(HARMLESS)
        if self._chance(0.12):
            lines += self._random.choice(HARMFUL)
        if self._chance(0.02, 0):
            lines.append("X-Long: " + "x" * self._random.choice((15_000, 16_384, 17_500)))
        content = self._content()
        framing, body = self._framed(content)
        if framing:
            lines.append(framing)
        if self._random.random() < 0.3:
            self._random.shuffle(lines[1:])
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def _content(self) -> str:
        evil = "GET /evil HTTP/1.1\r\nHost: presence\r\nX-Id: evil\r\n\r\n"
        options = ("{}", evil, "0\r\n\r\n" + evil, "\r\n", "\r\n\r\n", "x" * 300, "1\r\n" + evil)
        return self._random.choice(options)

    def _framed(self, content: str) -> tuple[str, str]:
        how = self._random.random()
        if how < 0.3:
            return "", content if self._chance(0.1) else ""
        sizes = {"length": len(content), "shorter": len(content) // 2, "longer": len(content) + 9}
        if how < 0.65:
            return self._one(LENGTHS).format(**sizes), content
        return self._one(CODINGS).format(**sizes), self._chunked(content)

    def _chunked(self, content: str) -> str:
        chunks, at = "", 0
        while at < len(content):
            piece = content[at : at + self._random.choice((1, 7, 50, 1000))]
            at += len(piece)
            chunks += self._one(CHUNK_LINES, 0.08).format(size=len(piece)) + piece
            chunks += "\r\n" if not self._chance(0.03) else self._random.choice(("", "\n", "x\r\n"))
        return chunks + self._one(CHUNK_LINES, 0.05).format(size=0) + self._one(TRAILERS)
