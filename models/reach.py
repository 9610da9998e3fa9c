"""What a transaction may see: the rows of one org, of none, or of all."""

from dataclasses import dataclass
from uuid import UUID

ORG_SETTING = "presence.org_id"  # of PostgreSQL, for the length of a transaction
SETTING = f"current_setting('{ORG_SETTING}', true)"
EVERY = "*"  # its value for all orgs


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose rows a transaction sees, where that is not an org whose id is known.

    :ivar sql: an expression for the setting, evaluated as the transaction begins
    """

    sql: str


NO_ORG = Reach("''")  # only tables that hold nothing of an org
EVERY_ORG = Reach(f"'{EVERY}'")  # for commands and migrations: the tables' owner alone sees any


def value_of(org: UUID | Reach) -> str:
    """An expression of PostgreSQL for the setting."""
    return org.sql if isinstance(org, Reach) else f"'{org}'"
