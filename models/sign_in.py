"""What is looked at when somebody enters an access code, before anything is locked.

On PostgreSQL it is a function, whose plan is kept: planning takes longer than running it.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    LargeBinary,
    String,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.sql.selectable import ExecutableReturnsRows

from models.access_code import AccessCode
from models.account import Account
from models.base import UTCDateTime
from models.member import Membership
from models.member_session import MemberSession
from models.owners_statement import Given, OwnersStatement, Types
from models.rate_limit import RateLimit

_TAKES: Types = {"digests": ARRAY(LargeBinary()), "key": String(), "now": UTCDateTime()}


def _sign_in(given: Given) -> ExecutableReturnsRows:
    """Always one row: for a code that is not valid, it has the limit's times alone.

    The member is looked up by the code. In a join PostgreSQL may begin with all members of the org.
    """
    hits = select(RateLimit.hits).where(RateLimit.key == given.one("key"))
    of_code = (Membership.id == AccessCode.membership_id, Membership.org_id == AccessCode.org_id)
    unexpired = select(func.count()).where(
        MemberSession.membership_id == AccessCode.membership_id,
        MemberSession.org_id == AccessCode.org_id,
        MemberSession.expires_at > given.one("now"),
    )
    is_valid = and_(
        given.among(AccessCode.digest, "digests"),
        AccessCode.revoked_at.is_(None),
        or_(AccessCode.expires_at.is_(None), AccessCode.expires_at > given.one("now")),
        select(Membership.active).where(*of_code).scalar_subquery(),
    )
    always = select(literal(1).label("one")).subquery()
    account = select(Account.name).where(
        Account.id == AccessCode.account_id, Account.org_id == AccessCode.org_id
    )
    return select(
        hits.scalar_subquery().label("hits"),
        AccessCode.id.label("code_id"),
        AccessCode.org_id.label("org_id"),
        AccessCode.account_id.label("account_id"),
        select(Membership.user_id).where(*of_code).scalar_subquery().label("user_id"),
        account.scalar_subquery().label("account_name"),
        cast(unexpired.scalar_subquery(), BigInteger).label("unexpired_sessions"),
    ).select_from(always.outerjoin(AccessCode, is_valid))


SIGN_IN = OwnersStatement("sign_in", _TAKES, _sign_in, crosses_orgs=False, finds_by_index=True)
