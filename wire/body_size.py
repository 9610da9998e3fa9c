"""How many bytes a request's body may have."""

KIB = 1024
BODY_BYTES = 64 * KIB  # contract.md, "Endpoints"
# contract.md, "Ids from elsewhere". More than BODY_BYTES is read only from who may send it.
LARGE_BODY_BYTES = {"/v1/admin/directory": 4 * KIB * KIB}


def most_bytes(path: str) -> int:
    """The most that a body sent to ``path`` may have."""
    return LARGE_BODY_BYTES.get(path, BODY_BYTES)
