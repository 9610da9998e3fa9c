"""What browsers may do with an answer: one policy for all pages, and for all that is no page."""

from werkzeug.datastructures import Headers

# Nothing in line, nothing from elsewhere: a name that holds a script stays a name.
POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "img")),
        *(f"{kind} 'none'" for kind in ("base-uri", "form-action", "frame-ancestors")),
    ]
)
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "no-referrer"),
    # Other sites get neither a handle on the window nor the files.
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
RAW_HEADERS = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS)


def add(headers: Headers) -> None:
    """Add the policy. A 304 goes without: a browser has it with what is unchanged."""
    for name, value in HEADERS:
        headers[name] = value
