"""The plain peer: what a good engineer writes in a day, to compare ours with.

Flask, SQLAlchemy and a JWT, served by gunicorn's threads. Each event is an upsert or a DELETE and a
row of history; a heartbeat is one UPDATE. There are no versions, roles, retries or limits. Its
tables are its own; all that it shares with ours is the PostgreSQL server.
"""

import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import jwt
from flask import Blueprint, Flask, Response, abort, g, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ForeignKey, MetaData, create_engine, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
from sqlalchemy.types import DateTime

THREADS = 8
SECRET = "only for benchmarks: thirty-two bytes or more"
TOKEN_HOURS = 12

api = Blueprint("plain", __name__, url_prefix="/v1")
new_session = sessionmaker()


class Base(DeclarativeBase):
    metadata = MetaData(schema="plain")
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012  SQLAlchemy's name


class MemberRow(Base):
    __tablename__ = "members"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID] = mapped_column(index=True)
    name: Mapped[str]
    code_digest: Mapped[str] = mapped_column(unique=True)


class AccountRow(Base):
    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID] = mapped_column(index=True)
    name: Mapped[str]


class PresenceRow(Base):
    __tablename__ = "presence"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    member_id: Mapped[UUID] = mapped_column(ForeignKey(MemberRow.id), unique=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey(AccountRow.id), unique=True)
    org_id: Mapped[UUID] = mapped_column(index=True)
    clocked_in_at: Mapped[datetime]
    last_heartbeat_at: Mapped[datetime]


class HistoryRow(Base):
    __tablename__ = "history"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[UUID] = mapped_column(index=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey(MemberRow.id), index=True)
    account_id: Mapped[UUID]
    kind: Mapped[str]
    at: Mapped[datetime]


def create_app() -> Flask:
    app = Flask(__name__)
    url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg2")
    new_session.configure(bind=create_engine(url, pool_size=THREADS))
    app.register_blueprint(api)
    return app


@api.post("/sessions")
def sign_in() -> ResponseReturnValue:
    digest = digest_of(request.get_json()["access_code"])
    with new_session() as session:
        member = session.scalar(select(MemberRow).where(MemberRow.code_digest == digest))
        if member is None:
            abort(401)
        accounts = session.scalars(select(AccountRow).where(AccountRow.org_id == member.org_id))
        return jsonify(
            token=token(member.id, member.org_id),
            member={"id": str(member.id), "display_name": member.name},
            accounts=[{"id": str(account.id), "name": account.name} for account in accounts],
        )


@api.post("/clock-in")
def clock_in() -> ResponseReturnValue:
    authenticate()
    now = datetime.now(UTC)
    account_id = UUID(request.get_json()["account_id"])
    new = {"account_id": account_id, "clocked_in_at": now, "last_heartbeat_at": now}
    upsert = (
        insert(PresenceRow)
        .values(id=uuid4(), member_id=g.member_id, org_id=g.org_id, **new)
        .on_conflict_do_update(index_elements=["member_id"], set_=new)
        .returning(PresenceRow.id)
    )
    try:
        with new_session.begin() as session:
            presence_id = session.scalar(upsert)
            session.add(entry("clock_in", account_id, now))
    except IntegrityError:
        abort(409)
    presence = {"id": str(presence_id), "account_id": str(account_id)}
    return jsonify(presence={**presence, "clocked_in_at": now.isoformat()}), 201


@api.post("/clock-out")
def clock_out() -> ResponseReturnValue:
    authenticate()
    ending = (
        delete(PresenceRow)
        .where(PresenceRow.member_id == g.member_id)
        .returning(PresenceRow.account_id)
    )
    with new_session.begin() as session:
        account_id = session.scalar(ending)
        if account_id is None:
            return jsonify(cleared=False, account_id=None)
        session.add(entry("clock_out", account_id, datetime.now(UTC)))
    return jsonify(cleared=True, account_id=str(account_id))


@api.post("/heartbeat")
def heartbeat() -> ResponseReturnValue:
    authenticate()
    beating = (
        update(PresenceRow)
        .where(
            PresenceRow.id == UUID(request.get_json()["presence_id"]),
            PresenceRow.member_id == g.member_id,
        )
        .values(last_heartbeat_at=datetime.now(UTC))
    )
    with new_session.begin() as session:
        if session.connection().execute(beating).rowcount == 0:
            abort(410)
    return Response(status=204)


def authenticate() -> None:
    """Know the caller by their token, or answer 401."""
    scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
    try:
        claims = jwt.decode(raw, SECRET, ["HS256"], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError:
        abort(401)
    if scheme != "Bearer":
        abort(401)
    g.member_id, g.org_id = UUID(claims["sub"]), UUID(claims["org"])


def entry(kind: str, account_id: UUID, at: datetime) -> HistoryRow:
    return HistoryRow(
        org_id=g.org_id, member_id=g.member_id, account_id=account_id, kind=kind, at=at
    )


def token(member_id: UUID, org_id: UUID) -> str:
    expires_at = datetime.now(UTC) + timedelta(hours=TOKEN_HOURS)
    return jwt.encode(
        {"sub": str(member_id), "org": str(org_id), "exp": expires_at}, SECRET, "HS256"
    )


def digest_of(code: str) -> str:
    return sha256(f"{SECRET}{code}".encode()).hexdigest()
