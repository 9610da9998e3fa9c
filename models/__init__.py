"""Tables, one file per noun, and the two kinds of transaction on them."""

from models.access_code import AccessCode
from models.account import Account
from models.audit_event import AuditEvent
from models.base import Base, IdText, TimeText, UnixSeconds
from models.clock_event import ClockEvent
from models.idempotency_key import IdempotencyKey
from models.member import Membership, User
from models.member_session import MemberSession
from models.org import Org
from models.presence import Presence
from models.rate_limit import RateLimit
from models.service import Service
from models.stored_keys import StoredKeys

__all__ = [
    "AccessCode",
    "Account",
    "AuditEvent",
    "Base",
    "ClockEvent",
    "IdText",
    "IdempotencyKey",
    "MemberSession",
    "Membership",
    "Org",
    "Presence",
    "RateLimit",
    "Service",
    "StoredKeys",
    "TimeText",
    "UnixSeconds",
    "User",
]
