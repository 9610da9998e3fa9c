"""What memory needs before it can answer: a read, a body prepared, or a token verified."""

from live.preparing import Preparing
from live.token_cache import NotVerified, TokenCache
from live.user_orgs import NotResolved, UserOrgs
from live.verifications import Verifications
from live.watch_cache import NotFresh, WatchCache
from wire.body import Beginning


class NotPrepared(Exception):
    """The answer begins with what has yet to be written, or compressed."""

    def __init__(self, beginning: Beginning, *, as_gzip: bool) -> None:
        super().__init__()
        self.beginning = beginning
        self.as_gzip = as_gzip


NOT_YET = (NotFresh, NotVerified, NotResolved, NotPrepared)
NotYet = NotFresh | NotVerified | NotResolved | NotPrepared


class Missing:
    """Has it done, for all of one process."""

    def __init__(self, cache: WatchCache, tokens: TokenCache, user_orgs: UserOrgs) -> None:
        self._cache = cache
        self._verifications = Verifications(tokens)
        self._user_orgs = user_orgs
        self._preparing = Preparing()

    async def fetch(self, what: NotYet) -> None:
        """Wait until it is done.

        :raises Unavailable: it can't be done now
        """
        match what:
            case NotVerified():
                await self._verifications.verify(what.raw)
            case NotResolved():
                await self._user_orgs.read(what)
            case NotPrepared():
                await self._preparing.prepare(what.beginning, as_gzip=what.as_gzip)
            case NotFresh():
                await self._cache.read_fresh(what.org_id, since=what.since)

    def close(self) -> None:
        """End the threads."""
        self._preparing.close()
