"""What all tables share: names of constraints, ids, and times that are always UTC."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKey, MetaData, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

UUID_PARTS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))  # RFC 9562: first digit, how many


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC. SQLite forgets the zone; this puts it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone can't be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of every table. Alembic and the error handlers rely on these names."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UTCDateTime()}  # noqa: RUF012 - SQLAlchemy's own form


class IdText(FunctionElement[str]):
    """An id in the words of the wire, made by the database: where there are thousands of them,
    making UUIDs and their text anew is half the cost of a read."""

    type = String()
    inherit_cache = True


@compiles(IdText)
def _cast(element: IdText, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS VARCHAR)"


@compiles(IdText, "sqlite")
def _with_dashes(element: IdText, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    hex_ = compiler.process(column, **options)
    parts = (f"substr({hex_}, {start}, {length})" for start, length in UUID_PARTS)
    return "(" + " || '-' || ".join(parts) + ")"


class TimeText(FunctionElement[str]):
    """A time in the words of the wire (``services/times.py``), made by the database."""

    type = String()
    inherit_cache = True


@compiles(TimeText)
def _rfc3339(element: TimeText, compiler: SQLCompiler, **options: Any) -> str:
    time = compiler.process(element.clauses, **options)
    return f"to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"


@compiles(TimeText, "sqlite")
def _with_letters(element: TimeText, compiler: SQLCompiler, **options: Any) -> str:
    time = compiler.process(element.clauses, **options)
    return f"(substr({time}, 1, 10) || 'T' || substr({time}, 12, 12) || 'Z')"


class UnixSeconds(FunctionElement[int]):
    """A time in seconds since 1970, the fraction left away, made by the database."""

    type = BigInteger()
    inherit_cache = True


@compiles(UnixSeconds)
def _epoch(element: UnixSeconds, compiler: SQLCompiler, **options: Any) -> str:
    time = compiler.process(element.clauses, **options)
    return f"CAST(floor(extract(epoch FROM {time})) AS BIGINT)"


@compiles(UnixSeconds, "sqlite")
def _without_fraction(element: UnixSeconds, compiler: SQLCompiler, **options: Any) -> str:
    time = compiler.process(element.clauses, **options)
    return f"CAST(strftime('%s', substr({time}, 1, 19)) AS INTEGER)"


Id = Annotated[UUID, mapped_column(primary_key=True, default=uuid4)]
OrgId = Annotated[UUID, mapped_column(ForeignKey("orgs.id"))]
