"""Times as contract.md has them: UTC, three decimals."""

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """Now, in whole milliseconds, so that the stored time equals the time on the wire."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def rfc3339(moment: datetime) -> str:
    """``moment`` as ``2026-11-22T12:42:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix_milliseconds(moment: datetime) -> int:
    """Unix time in milliseconds, the scale of a version."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def clamp(moment: datetime | None, earliest: datetime, latest: datetime) -> datetime:
    """``moment`` moved into the bounds; ``latest`` where there is none, or the bounds cross."""
    return latest if moment is None else min(max(moment, earliest), latest)
