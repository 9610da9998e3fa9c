"""Services, as admins manage them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from schemas.fields import Id, Timestamp, name, next_of_whole
from services.scopes import SCOPES
from services.services import Described


class Scopes(fields.List[str]):
    """One or more scopes, each once."""

    def __init__(self, **kwargs: Any) -> None:
        allowed = fields.String(validate=validate.OneOf(SCOPES))
        more = {"minItems": 1, "maxItems": len(SCOPES), "uniqueItems": True}
        super().__init__(allowed, metadata=more, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        # Before each is looked at: thousands of wrong ones are not worth an answer.
        if isinstance(value, list) and not 1 <= len(value) <= len(SCOPES):
            raise ValidationError(f"Must be 1 to {len(SCOPES)} scopes.")
        scopes = super()._deserialize(value, attr, data, **kwargs)
        if len(set(scopes)) < len(scopes):
            raise ValidationError("Must have each scope once.")
        return scopes


class NewService(Schema):
    name = name(required=True)
    scopes = Scopes(required=True)
    expires_at = Timestamp(
        metadata={"description": "after which its token is refused: 90 days, at most a year"}
    )


class Service(Schema):
    """:class:`~services.services.Described`"""

    id = Id(required=True, attribute="member.id")
    user_id = Id(
        required=True,
        attribute="member.user_id",
        metadata={"description": "the actor_id of what it does"},
    )
    name = fields.String(required=True, attribute="member.display_name")
    scopes = fields.List(fields.String(validate=validate.OneOf(SCOPES)), required=True)
    created_at = Timestamp(required=True, attribute="member.created_at")
    expires_at = Timestamp(required=True, attribute="service.expires_at")
    last_used_at = Timestamp(
        required=True,
        allow_none=True,
        attribute="service.last_used_at",
        metadata={"description": "to the minute"},
    )


class IssuedService(Service):
    """A service, and its token."""

    token = fields.String(
        required=True, metadata={"description": "in this answer only: it is not stored"}
    )

    def get_attribute(self, obj: tuple[Described, str], attr: str, default: Any) -> Any:
        described, token = obj
        return token if attr == "token" else super().get_attribute(described, attr, default)


class Services(Schema):
    services = fields.Nested(Service, many=True, required=True)
    next = next_of_whole()
