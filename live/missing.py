"""What memory needs before it can answer: a read, a body compressed, or a token verified."""

from live.token_cache import NotVerified, TokenCache
from live.user_orgs import NotResolved, UserOrgs
from live.verifications import Verifications
from live.watch_cache import NotFresh, WatchCache
from wire.body import Beginning


class NotCompressed(Exception):
    """The answer begins with what the reading thread has yet to compress."""

    def __init__(self, beginning: Beginning) -> None:
        super().__init__()
        self.beginning = beginning


NOT_YET = (NotFresh, NotVerified, NotResolved, NotCompressed)
NotYet = NotFresh | NotVerified | NotResolved | NotCompressed


class Missing:
    """Has it done, for all of one process."""

    def __init__(self, cache: WatchCache, tokens: TokenCache, user_orgs: UserOrgs) -> None:
        self._cache = cache
        self._verifications = Verifications(tokens)
        self._user_orgs = user_orgs

    async def fetch(self, what: NotYet) -> None:
        """Wait until it is done.

        :raises Unavailable: it can't be done now
        """
        match what:
            case NotVerified():
                await self._verifications.verify(what.raw)
            case NotResolved():
                await self._user_orgs.read(what)
            case NotCompressed():
                await self._cache.compress(what.beginning)
            case NotFresh():
                await self._cache.read_fresh(what.org_id, since=what.since)
