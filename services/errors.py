"""The refusals of services. Their codes are contract.md's; ``wire/problems.py`` renders them."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from models.database import CommittedRefusal
from services.scopes import PERSON


class Refusal(CommittedRefusal):
    """A request that the rules refuse.

    A refusal commits its transaction: a service refuses before it changes anything, other than
    ending a presence that had run out, and that stays ended.

    :param detail: a sentence for the caller, which says what to do
    :param fields: further members of the problem, as contract.md names them
    """

    code: ClassVar[str]

    def __init__(self, detail: str, **fields: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields


class ValidationFailed(Refusal):
    code = "validation_failed"

    def __init__(self, errors: dict[str, Any]) -> None:
        super().__init__(
            "Correct the fields named in errors and send the request again.", errors=errors
        )


class NotAuthenticated(Refusal):
    """``reason`` is one of those in ``_details``."""

    code = "not_authenticated"

    _details: ClassVar[dict[str, str]] = {
        "missing": "Send a bearer token: Authorization: Bearer …",
        "invalid": "This is not a token of this service. Sign in again.",
        "expired": "The token has run out. Sign in again.",
        "revoked": "The token has been revoked. Sign in again.",
        "signed_out": "This session was signed out. Sign in again.",
        "deactivated": "The member has been deactivated. Ask an admin.",
        "unknown_member": "You are no member of this org. Ask an admin.",
    }

    def __init__(self, reason: str) -> None:
        super().__init__(self._details[reason], reason=reason)


class AccessCodeRejected(Refusal):
    code = "access_code_rejected"

    def __init__(self) -> None:
        super().__init__("This access code is not valid. Check it, or ask an admin for a new one.")


class AdminOnly(Refusal):
    code = "admin_only"

    def __init__(self) -> None:
        super().__init__("Only an admin of the org may do this.")


class InsufficientScope(Refusal):
    """A service may not do this.

    :ivar scope: the one that allows the call, for the challenge (RFC 6750, 3)
    """

    code = "insufficient_scope"

    def __init__(self, scope: str, *, is_from_page: bool = False) -> None:
        super().__init__(self._detail(scope, is_from_page))
        self.scope = scope

    @staticmethod
    def _detail(scope: str, is_from_page: bool) -> str:
        if is_from_page:
            return (
                "A service's token does not belong in a browser: anyone who uses the page can take "
                "it. Send the request from your server, without Origin."
            )
        if scope == PERSON:
            return "No scope allows this. Use the token of a person."
        return f"The service's token needs the scope {scope} for this."


class NotRenewable(Refusal):
    code = "not_renewable"

    def __init__(self) -> None:
        super().__init__("This token can't be renewed. Use it until it expires, then get another.")


class AccountNotAllowed(Refusal):
    code = "account_not_allowed"

    def __init__(self) -> None:
        super().__init__("This access code is for another account.")


class NotFound(Refusal):
    """:param what: in words: the kind of thing that is not there"""

    code = "not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"The org has no such {what}.")


class AccountNotFound(Refusal):
    code = "account_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such account, or it is archived.")


class NotOccupied(Refusal):
    code = "not_occupied"

    def __init__(self) -> None:
        super().__init__("Nobody is on this account.")


class AccountOccupied(Refusal):
    """:param holder: who holds it, for admins only"""

    code = "account_occupied"

    def __init__(self, holder: Any = None) -> None:
        fields = {} if holder is None else {"holder": holder}
        super().__init__("Another member is on this account.", **fields)


class AccountRequired(Refusal):
    """:param accounts: those to choose from"""

    code = "account_required"

    def __init__(self, accounts: Sequence[Any]) -> None:
        super().__init__("Name the account in account_id.", accounts=accounts)


class OrgRequired(Refusal):
    """:param orgs: those to choose from"""

    code = "org_required"

    def __init__(self, orgs: Sequence[Any]) -> None:
        super().__init__("You are in several orgs. Name one in the header Presence-Org.", orgs=orgs)


class NoSession(Refusal):
    code = "no_session"

    def __init__(self) -> None:
        super().__init__("This token has no session here. Sign out where you got it.")


class NameTaken(Refusal):
    code = "name_taken"

    def __init__(self) -> None:
        super().__init__("Another account, perhaps an archived one, has this name.")


class IdTaken(Refusal):
    """:param id: the id that can't be had"""

    code = "id_taken"

    def __init__(self, id: UUID) -> None:
        super().__init__("This id is not free: another org has it, or a service.", id=id)


class LastAdmin(Refusal):
    code = "last_admin"

    def __init__(self) -> None:
        super().__init__("This is the org's last active admin. Make another member admin first.")


class TooMany(Refusal):
    """:param retry_after_seconds: when the next is looked at"""

    _detail: ClassVar[str]

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(self._detail)
        self.retry_after_seconds = retry_after_seconds


class TooManyAttempts(TooMany):
    code = "too_many_attempts"
    _detail = "Too many access codes from this address were refused. Try again later."


class TooManyRequests(TooMany):
    code = "too_many_requests"
    _detail = "You have written more than 120 times in a minute. Try again later."


class PresenceEnded(Refusal):
    """:param reason: ``clocked_out``, ``switched``, ``force_cleared``, ``expired``, ``unknown``"""

    code = "presence_ended"

    def __init__(self, reason: str) -> None:
        super().__init__("This presence has ended.", reason=reason)


class IdempotencyKeyReused(Refusal):
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request. Use a new one.")
