"""Entity tags: made of what a representation depends on, never of its bytes."""

import re
from uuid import UUID

from wire.header_lists import is_read

BODY_RELEASE = 2  # raise it when a release changes the body of what carries a tag

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
# What proxies append to a tag when they compress (contract.md, "Conditional requests").
_SUFFIXES = re.compile(r"(?:--?gzip|-br|-zstd|-deflate|;gzip)$")


def snapshot_tag(
    membership_id: UUID,
    view: str,
    format_: str,
    version: int,
    stale_after_seconds: int,
    bound_account_id: UUID | None,
) -> str:
    """The weak tag of a member's snapshot.

    :param bound_account_id: the only account whose name the member may see; JSON has no such names
    """
    if bound_account_id is not None and format_ != "json":
        format_ = f"{format_}-{bound_account_id.hex}"
    return (
        f'W/"{BODY_RELEASE}.{view}.{format_}.{membership_id.hex}.{version}.{stale_after_seconds}"'
    )


def accounts_tag(membership_id: UUID, bound_account_id: UUID | None, accounts_version: int) -> str:
    """The weak tag of a member's list of accounts, or of the only one that they may see."""
    listed = "all" if bound_account_id is None else bound_account_id.hex
    return f'W/"{BODY_RELEASE}.accounts.{membership_id.hex}.{listed}.{accounts_version}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether ``If-None-Match`` names ``tag``, compared weakly (RFC 9110, 13.1.2)."""
    if if_none_match == tag:
        return True
    if if_none_match is None or not is_read(if_none_match):
        return False
    opaque = tag.removeprefix("W/").strip('"')
    return if_none_match.strip() == "*" or opaque in _named(if_none_match)


def version_known_by(if_none_match: str | None, tag: str) -> int:
    """The newest version among the tags of the kind of ``tag`` that a client has; 0 for none.

    Tags of other releases count: versions go on over a release.
    """
    kind, version = _kind_and_version(tag.removeprefix("W/").strip('"'))
    if if_none_match == tag:
        return version
    if if_none_match is None or not is_read(if_none_match):
        return 0
    given = [_kind_and_version(opaque) for opaque in _named(if_none_match)]
    return max((version for other, version in given if other == kind), default=0)


def _named(if_none_match: str) -> list[str]:
    """The opaque tags of the list, as they were before a proxy changed them."""
    return [_SUFFIXES.sub("", given) for given in _TAG.findall(if_none_match)]


def _kind_and_version(opaque: str) -> tuple[list[str], int]:
    _release, *kind = opaque.split(".")
    version = kind.pop(3) if len(kind) == 5 else ""
    is_number = version.isascii() and version.isdigit() and len(version) < 20
    return kind, int(version) if is_number else 0
