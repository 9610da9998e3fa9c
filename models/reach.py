"""What a transaction may see: the rows of one org, of none, or of all."""

from dataclasses import dataclass
from uuid import UUID

ORG_SETTING = "presence.org_id"  # of PostgreSQL, for the length of a transaction
EVERY = "*"  # its value for all orgs


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose rows a transaction sees, where that is not an org whose id is known.

    :ivar sql: an expression for the setting, evaluated as the transaction begins
    """

    sql: str


NO_ORG = Reach("''")  # only tables that hold nothing of an org
EVERY_ORG = Reach(f"'{EVERY}'")  # for commands and migrations: the tables' owner alone sees any
_ORG_OF_CODE = "coalesce((SELECT org_id::text FROM org_of_code(ARRAY[{}]::bytea[])), '')"


def of_code(digests: list[bytes]) -> Reach:
    """The org of the access code with one of these digests, whatever has become of the code."""
    listed = ",".join(f"decode('{digest.hex()}', 'hex')" for digest in digests)
    return Reach(_ORG_OF_CODE.format(listed))


def value_of(org: UUID | Reach) -> str:
    """An expression of PostgreSQL for the setting."""
    return org.sql if isinstance(org, Reach) else f"'{org}'"
