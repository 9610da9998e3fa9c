"""The directory: accounts and members as another application lists them, with its own ids.

``sync()`` is the one way in: for one account, for one member, for lists of all, and for the
adopter's views (``live/directory_views.py``).
"""

from collections.abc import Sequence
from typing import NamedTuple

from models import Membership
from services import presences
from services.change import Change
from services.listed_accounts import AccountCounts, AccountPlan, ListedAccount
from services.listed_members import ListedMember, MemberCounts, MemberPlan

REASON = "directory"  # in the history, of who is deactivated or on what is archived


class Synced(NamedTuple):
    """What a sync did, or would have done."""

    accounts: AccountCounts
    members: MemberCounts


def sync(
    change: Change,
    *,
    accounts: Sequence[ListedAccount] | None = None,
    members: Sequence[ListedMember] | None = None,
    prune: bool = False,
    dry_run: bool = False,
    actor: Membership | None,
) -> Synced:
    """Make the org's accounts and members as they are listed: all of it, or nothing.

    :param accounts: each id at most once; None for a part that is left as it is
    :param members: each user at most once; None likewise
    :param prune: archive the accounts, and deactivate the members, that a given part does not list
    :param dry_run: do it and undo it, to see what it does
    :param actor: the admin who does it; None for the adopter's views
    :raises IdTaken: an id is an account's of another org, or a service's
    :raises LastAdmin: the org would have no active admin any more
    """
    with change.all_or_nothing(keep=not dry_run):
        of_accounts = AccountPlan(change, accounts, prune=prune)
        of_members = MemberPlan(change, members, prune=prune)
        of_members.raise_if_no_admin_is_left()
        renamed_visibly = _clear(change, of_accounts, of_members, actor)
        of_accounts.apply(actor)
        of_members.apply(actor, visibly=renamed_visibly)
    return Synced(of_accounts.counts, of_members.counts)


def _clear(
    change: Change, accounts: AccountPlan, members: MemberPlan, actor: Membership | None
) -> bool:
    """Force-clear who is deactivated, or on what is archived.

    Read before anything is renamed: a presence that has expired ends under the former names.

    :returns: whether anybody is renamed who is on an account
    """
    archived, deactivated, renamed = accounts.archived, members.deactivated, members.renamed
    if not (archived or deactivated or renamed):
        return False
    met = [
        held
        for held in presences.held_where(change)
        if held.account_id in archived or held.user_id in deactivated | renamed
    ]
    ended = presences.expire(change, met)
    alive = [held for held in met if held.presence_id not in ended]
    cleared = [held for held in alive if held.account_id in archived or held.user_id in deactivated]
    actor_id = actor.user_id if actor else None
    presences.force_clear(change, cleared, actor_id=actor_id, reason=REASON)
    return any(held.user_id in renamed for held in alive)
