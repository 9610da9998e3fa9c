"""What a member may see of their org, by the memory of it."""

from dataclasses import dataclass
from time import monotonic, time

from live.cached_poll import Asked
from live.org_state import OrgState
from live.token_cache import Bearer
from live.watch_cache import CachedOrg
from models.views import View
from services import callers, snapshot
from services.errors import NotAuthenticated
from wire import tags
from wire.negotiation import accepted


@dataclass(frozen=True, slots=True)
class Sight:
    """What a member may see, by the memory of their org.

    :ivar tag: of what they may see
    :ivar expires_at: the end of the token, by ``time.monotonic()``
    """

    bearer: Bearer
    org: CachedOrg
    state: OrgState
    view: View
    media_type: str
    version: int
    tag: str
    expires_at: float

    def body(self) -> bytes:
        claims = self.bearer.token.claims
        if self.media_type == "application/json":
            return self.state.json(self.view, claims.user_id)
        format_ = snapshot.FORMATS[self.media_type]
        return snapshot.body(
            self.state.snapshot, self.view, format_, claims.user_id, claims.account_id
        )


def seen(bearer: Bearer, org: CachedOrg, asked: Asked) -> Sight:
    """What the bearer may see now.

    :raises NotAuthenticated: the membership is gone, deactivated, or its tokens revoked
    """
    claims, state = bearer.token.claims, org.state
    member = state.members.get(claims.membership_id) if state is not None else None
    if state is None or member is None or member.user_id != claims.user_id:
        raise NotAuthenticated("revoked")
    callers.check(member, claims, ended=state.ended.get(claims.session_id))
    media_type = accepted(text_of(asked, b"accept"))
    view = callers.view_of(member.role, claims.account_id)
    version = state.snapshot.version_of(view)
    return Sight(
        bearer=bearer,
        org=org,
        state=state,
        view=view,
        media_type=media_type,
        version=version,
        tag=tags.snapshot_tag(
            claims.membership_id,
            view.name,
            snapshot.FORMATS[media_type],
            version,
            state.snapshot.stale_after_seconds,
            claims.account_id,
        ),
        expires_at=monotonic() + claims.expires_at.timestamp() - time(),
    )


def known_to_client(asked: Asked, sight: Sight) -> int:
    """The newest version of the view that the client shows to know of; 0 for none."""
    known = tags.version_known_by(text_of(asked, b"if-none-match"), sight.tag)
    at_least = asked.get(b"presence-min-version", b"")
    return max(known, int(at_least)) if at_least.isdigit() and len(at_least) < 20 else known


def text_of(asked: Asked, name: bytes) -> str | None:
    return asked[name].decode("latin-1") if name in asked else None
