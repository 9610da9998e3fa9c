"""The snapshot as one viewer gets it: its validator, its body, and the answers that carry them.

Flask's view and ``live/responder.py`` make every answer to a poll from a :class:`Representation`,
so they can't differ.
"""

from typing import NamedTuple
from uuid import UUID

from werkzeug.datastructures import Headers

from models.views import View
from services import snapshot
from services.snapshot import Entry, Snapshot
from settings import Settings
from wire import answers, tags
from wire.answers import Answer
from wire.formats import JSON, Format


class Viewer(NamedTuple):
    """
    :ivar bound_account_id: the only account that the viewer acts on, or None for all
    """

    membership_id: UUID
    user_id: UUID
    view: View
    bound_account_id: UUID | None


class Rendered:
    """A snapshot, with what its representations have in common made only once."""

    __slots__ = ("_entries", "_shared_json", "snapshot")

    def __init__(self, now: Snapshot) -> None:
        self.snapshot = now
        self._shared_json: dict[View, bytes] = {}
        self._entries = {entry.user_id: entry for entry in now.entries}

    def shared_json(self, view: View) -> bytes:
        """The JSON up to ``me``."""
        if view not in self._shared_json:
            self._shared_json[view] = snapshot.shared_json(self.snapshot, view)
        return self._shared_json[view]

    def entry_of(self, user_id: UUID) -> Entry | None:
        return self._entries.get(str(user_id))


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

    def full(self, rendered: Rendered) -> Answer:
        """The 200. Its headers are those of the body, then those of the 304."""
        body = self.body(rendered)
        headers = self.headers_of(body)
        headers.extend(self.not_modified().headers)
        return Answer(200, headers, body)

    def body(self, rendered: Rendered) -> bytes:
        viewer = self._viewer
        if self._format is JSON:
            mine = rendered.entry_of(viewer.user_id)
            return rendered.shared_json(viewer.view) + snapshot.json_of_me(mine)
        return snapshot.body(
            rendered.snapshot,
            viewer.view,
            self._format.name,
            viewer.user_id,
            viewer.bound_account_id,
        )

    def headers_of(self, body: bytes) -> Headers:
        """The headers that describe a body of this representation."""
        return answers.of_body(body, self._format.media_type)
