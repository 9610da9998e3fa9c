"""The snapshot as most would write it first: query, build, hash, compare.

It asks nobody who they are, which is in its favour.
"""

import os

from flask import Flask, Response, jsonify, request
from sqlalchemy import create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from models import Account, Membership, Presence

app = Flask(__name__)
url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg2")
engine = create_engine(
    url, pool_size=20, connect_args={"options": "-c search_path=presence -c presence.org_id=*"}
)

ROWS = (
    select(Presence, Account, Membership)
    .join(Account, Account.id == Presence.account_id)
    .join(Membership, Membership.id == Presence.membership_id)
    .order_by(Presence.account_id)
)


@app.get("/v1/presence")
def presence() -> Response:
    with Session(engine) as session:
        entries = [
            {
                "account_id": str(account.id),
                "account_name": account.name,
                "presence_id": str(presence.id),
                "user_id": str(presence.user_id),
                "display_name": member.display_name,
                "clocked_in_at": presence.clocked_in_at.isoformat(),
                "state": "active" if presence.stale_since is None else "stale",
            }
            for presence, account, member in session.execute(ROWS)
        ]
    answer = jsonify(presence=entries)
    answer.add_etag()
    answer.make_conditional(request)
    return answer
