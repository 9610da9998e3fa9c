"""The snapshot as one viewer gets it: its validator, its body, and the answers that carry them.

Flask's view and ``live/responder.py`` make every answer to a poll from a :class:`Representation`,
so they can't differ.
"""

from werkzeug.datastructures import Headers

from settings import Settings
from wire import answers, tags
from wire.answers import Answer
from wire.body import Body
from wire.format import Format
from wire.rendered import Rendered, Viewer


class Representation:
    """
    :ivar view_version: the version of what the viewer sees
    :ivar tag: the validator
    """

    __slots__ = ("_format", "_settings", "_viewer", "tag", "view_version")

    def __init__(
        self,
        viewer: Viewer,
        format_: Format,
        *,
        version: int,
        stale_after_seconds: int,
        settings: Settings,
    ) -> None:
        self.view_version = version
        self.tag = tags.snapshot_tag(
            viewer.membership_id,
            viewer.view.name,
            format_.name,
            version,
            stale_after_seconds,
            viewer.bound_account_id,
        )
        self._viewer = viewer
        self._format = format_
        self._settings = settings

    def matches(self, if_none_match: str | None) -> bool:
        """Whether the client has it: the answer is 304."""
        return tags.matches(if_none_match, self.tag)

    def newest_version_known(self, if_none_match: str | None) -> int:
        """The newest version of this view that the client has a tag of; 0 for none."""
        return tags.version_known_by(if_none_match, self.tag)

    def not_modified(self) -> Answer:
        return answers.unchanged(self.tag, self._settings)

    def body(self, rendered: Rendered) -> Body:
        return self._format.snapshot(rendered, self._viewer)

    def content(self, body: Body, *, accepts_gzip: bool) -> tuple[Headers, bytes]:
        """The body as it is sent, and the headers that describe it."""
        return answers.content(body, self._format.media_type, accepts_gzip=accepts_gzip)

    def full(self, body: Body, *, accepts_gzip: bool) -> Answer:
        """The 200. Its headers are those of the body, then those of the 304."""
        headers, sent = self.content(body, accepts_gzip=accepts_gzip)
        headers.extend(self.not_modified().headers)
        return Answer(200, headers, sent)
