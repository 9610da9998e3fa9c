"""What all tables share: names of constraints, ids, and times in UTC."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKey, MetaData, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC. SQLite drops the time zone; this type restores it."""

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


class Written(FunctionElement[Any]):
    """A column as text that the database writes, by a template for each kind of database.

    For thousands of rows, making UUIDs and times in Python and then text of them is half the cost
    of a read.
    """

    inherit_cache = True
    template: ClassVar[str]
    sqlite: ClassVar[str]


@compiles(Written)
def _by_template(element: Written, compiler: SQLCompiler, **options: Any) -> str:
    return element.template.format(compiler.process(element.clauses, **options))


@compiles(Written, "sqlite")
def _by_sqlites(element: Written, compiler: SQLCompiler, **options: Any) -> str:
    return element.sqlite.format(compiler.process(element.clauses, **options))


class IdText(Written):
    """An id as the wire has it."""

    inherit_cache = True
    type = String()
    template = "CAST({0} AS VARCHAR)"
    sqlite = (
        "(substr({0}, 1, 8) || '-' || substr({0}, 9, 4) || '-' || substr({0}, 13, 4)"
        " || '-' || substr({0}, 17, 4) || '-' || substr({0}, 21, 12))"
    )


class TimeText(Written):
    """A time as the wire has it: what ``services/times.py: rfc3339`` returns."""

    inherit_cache = True
    type = String()
    template = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
    sqlite = "(substr({0}, 1, 10) || 'T' || substr({0}, 12, 12) || 'Z')"


class UnixSeconds(Written):
    """A time in whole seconds since 1970, rounded down."""

    inherit_cache = True
    type = BigInteger()
    template = "CAST(floor(extract(epoch FROM {0})) AS BIGINT)"
    sqlite = "CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER)"


Id = Annotated[UUID, mapped_column(primary_key=True, default=uuid4)]
OrgId = Annotated[UUID, mapped_column(ForeignKey("orgs.id"))]
