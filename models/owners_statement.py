"""A statement that the service may not send itself: on PostgreSQL a function runs it as the owner.

It is written once. SQLite runs it as it is; for PostgreSQL it becomes the body of the function.

A function's name ends with a digest of what it does. A release that changes one makes another
beside it, so that servers of both releases run on one database, each with its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Result,
    Select,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.selectable import ExecutableReturnsRows
from sqlalchemy.types import TypeEngine

from models.reach import EVERY, ORG_SETTING, SETTING

Types = Mapping[str, TypeEngine[Any]]

_DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
_FUNCTION = """
CREATE OR REPLACE FUNCTION {function} RETURNS {answer} LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp{planning} AS $function$
#variable_conflict use_column
DECLARE before text := coalesce({setting}, '');
BEGIN
    PERFORM set_config('{name}', {org}, true);
    {lock}{statement};
    PERFORM set_config('{name}', before, true);
END $function$"""

_PLANNED_ONCE = " SET plan_cache_mode = force_generic_plan SET enable_seqscan = off"


class Given(Protocol):
    """What a statement is given, by name."""

    def one(self, name: str) -> ColumnElement[Any]:
        """A value."""

    def among(self, which: InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
        """Whether a column is one of several values."""


@dataclass(frozen=True, eq=False)
class OwnersStatement:
    """
    :ivar name: of the function, without its digest
    :ivar takes: the names of its arguments, and their types
    :ivar build: makes the statement
    :ivar crosses_orgs: whether it sees the rows of all orgs, or only those of the transaction's
    :ivar locks_org: whether it locks the row of its argument ``org`` first. PostgreSQL shows each
        statement of a function what was committed before, so it reads what the lock keeps as it is
    :ivar finds_by_index: PostgreSQL plans it once in a connection, and may not read a whole table
        for it, as it otherwise may go on to do where the table was small at first. Left to itself
        it plans such a statement for each call, which takes longer than running it
    """

    name: str
    takes: Types
    build: Callable[[Given], ExecutableReturnsRows]
    crosses_orgs: bool = True
    locks_org: bool = False
    finds_by_index: bool = False

    def run(self, session: Session, **values: Any) -> Result[Any]:
        """Run it in the transaction of ``session``."""
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        sent = self.statement if is_sqlite else self._call
        return session.execute(sent, values, execution_options={"synchronize_session": False})

    @cached_property
    def function(self) -> str:
        """Its name on PostgreSQL."""
        does = self._definition(self.name, schema="")
        return f"{self.name}_{sha256(does.encode()).hexdigest()[:8]}"

    @property
    def signature(self) -> str:
        """The function, as statements about it name it."""
        return f"{self.function}({', '.join(map(_type, self.takes.values()))})"

    def definition(self, schema: str) -> str:
        """The statement that makes the function.

        :param schema: quoted
        """
        return self._definition(self.function, schema)

    def _definition(self, function: str, schema: str) -> str:
        takes = ", ".join(f"{argument(name)} {_type(type_)}" for name, type_ in self.takes.items())
        columns = ", ".join(f"{each.key} {_type(each.type)}" for each in self.answer)
        statement = self.body.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
        return _FUNCTION.format(
            function=f"{function}({takes})",
            answer=f"TABLE ({columns})" if columns else "void",
            schema=schema,
            planning=_PLANNED_ONCE if self.finds_by_index else "",
            setting=SETTING,
            name=ORG_SETTING,
            org=f"'{EVERY}'" if self.crosses_orgs else "before",
            lock=_LOCK if self.locks_org else "",
            statement=f"RETURN QUERY {statement}" if columns else statement,
        )

    @cached_property
    def body(self) -> ExecutableReturnsRows:
        """The statement with the arguments of the function."""
        return self.build(_Named(self.takes))

    @cached_property
    def answer(self) -> list[ColumnElement[Any]]:
        """The columns that it answers with."""
        return list(self.body.exported_columns)

    @cached_property
    def statement(self) -> ExecutableReturnsRows:
        """The statement with parameters."""
        return self.build(_Bound(self.takes))

    @cached_property
    def _call(self) -> Select[Any]:
        arguments = [cast(bindparam(name), type_) for name, type_ in self.takes.items()]
        call = getattr(func, self.function)(*arguments)
        if not self.answer:
            return select(call)
        rows = call.table_valued(*(column(str(each.key), each.type) for each in self.answer))
        return select(*rows.c)


class _Named:
    """The arguments of a function, as its body names them."""

    def __init__(self, takes: Types) -> None:
        self._takes = takes

    def one(self, name: str) -> ColumnElement[Any]:
        return literal_column(argument(name), self._takes[name])

    def among(self, which: InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
        return which == func.any(literal_column(argument(name), self._takes[name]))


class _Bound:
    """Parameters, as SQLite takes them."""

    def __init__(self, takes: Types) -> None:
        self._takes = takes

    def one(self, name: str) -> ColumnElement[Any]:
        return bindparam(name, type_=self._takes[name])

    def among(self, which: InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
        of = self._takes[name]
        item = of.item_type if isinstance(of, ARRAY) else of
        return which.in_(bindparam(name, expanding=True, type_=item))


def argument(name: str) -> str:
    """The name of a function's argument, which is no column's."""
    return f"_{name}"


def _type(type_: TypeEngine[Any]) -> str:
    return str(type_.compile(dialect=_DIALECT))


# As writers lock an org: docs/design.md, "Database".
_LOCK = f"PERFORM FROM orgs WHERE id = {argument('org')} FOR NO KEY UPDATE;\n    "
