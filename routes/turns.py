"""Whose request it is, for a server that shares its threads out between orgs (live/turns.py).

Such a server knows by a token whose request it is. Where only a query can tell, it is told here.
"""

from typing import Protocol
from uuid import UUID

from flask import request

from models.database import ENDLESS, Patience

KEY = "presence.turn"  # in the WSGI environ


class TurnOfRequest(Protocol):
    def is_of(self, org_id: UUID) -> bool:
        """Whether the request has its thread as one of this org."""
        ...

    def patience(self) -> Patience:
        """How long it may take from now on."""
        ...

    def take(self, org_id: UUID) -> None:
        """Let it go on as one of this org, or, if that has no thread for it now, begin anew."""
        ...


def is_known_as(org_id: UUID) -> bool:
    """Whether there is nothing to tell: it is the org's already, or no server wants to know."""
    turn: TurnOfRequest | None = request.environ.get(KEY)
    return turn is None or turn.is_of(org_id)


def tell(org_id: UUID) -> None:
    """Tell whose the request is, before it waits for anything of that org.

    Where it is not its turn, this does not return; the server runs the request again. So it must
    not have changed anything that is not rolled back.
    """
    turn: TurnOfRequest | None = request.environ.get(KEY)
    if turn is not None:
        turn.take(org_id)


def patience() -> Patience:
    """How long the server lets the request take from now on."""
    turn: TurnOfRequest | None = request.environ.get(KEY)
    return ENDLESS if turn is None else turn.patience()
