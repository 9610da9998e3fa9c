"""An adopter's own tables, with the two views of the directory on them."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text

from models import Account, Membership, Org
from models.database import Database
from models.reach import EVERY_ORG
from tests.support import ROOT
from tests.support.settings import APP, OWNER

SCHEMA = "presence_directory"
TABLES = """
CREATE TABLE public.orgs (id uuid PRIMARY KEY, name text NOT NULL);
CREATE TABLE public.accounts (
  id uuid PRIMARY KEY, org_id uuid NOT NULL, name text, archived_at timestamptz);
CREATE TABLE public.profiles (id uuid PRIMARY KEY, display_name text NOT NULL);
CREATE TABLE public.memberships (org_id uuid NOT NULL, user_id uuid NOT NULL, role text);
"""
AWAY = """
DROP SCHEMA IF EXISTS presence_directory CASCADE;
DROP TABLE IF EXISTS public.orgs, public.accounts, public.profiles, public.memberships CASCADE;
"""
# As docs/operating.md has them.
VIEWS, GRANTS, TRIGGERS = re.findall(
    r"^```sql\n(.*?)^```",
    (ROOT / "docs/operating.md").read_text().partition("## The directory")[2].partition("\n## ")[0],
    re.MULTILINE | re.DOTALL,
)
ACCOUNTS, MEMBERS = re.findall(r"CREATE VIEW .*?;", VIEWS, re.DOTALL)


@dataclass
class Adopter:
    """Their application, which writes its own tables."""

    database: Database

    def set_up(self) -> None:
        self.run(AWAY)
        self.run(TABLES + VIEWS)
        self.grant()

    def grant(self) -> None:
        """Let the servers read the views, and those that a test makes in their place."""
        owner = self.database.engine.url.username or ""
        later = (
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {SCHEMA} GRANT SELECT ON TABLES TO presence_app"
        )
        self.run((GRANTS + later).replace("presence_app", owner.replace(OWNER, APP)))

    def run(self, statements: str, **values: Any) -> None:
        with self.database.write(EVERY_ORG) as session:
            session.execute(text(statements), values)

    def org(self, name: str = "Their Books") -> UUID:
        org_id = uuid4()
        self.run("INSERT INTO public.orgs VALUES (:id, :name)", id=org_id, name=name)
        return org_id

    def account(self, org_id: UUID, name: str = "Acme Dental") -> UUID:
        id_ = uuid4()
        values = {"id": id_, "org": org_id, "name": name}
        self.run("INSERT INTO public.accounts VALUES (:id, :org, :name, NULL)", **values)
        return id_

    def member(self, org_id: UUID, name: str = "Maya Chen", role: str = "admin") -> UUID:
        user_id = uuid4()
        self.run("INSERT INTO public.profiles VALUES (:id, :name)", id=user_id, name=name)
        self.join(org_id, user_id, role)
        return user_id

    def join(self, org_id: UUID, user_id: UUID, role: str = "va") -> None:
        values = {"org": org_id, "user": user_id, "role": role}
        self.run("INSERT INTO public.memberships VALUES (:org, :user, :role)", **values)


def names(database: Database, org_id: UUID) -> tuple[str, set[tuple[str, bool]], set[str]]:
    """The org's, its accounts' with whether they are archived, and its active members'."""
    with database.read(EVERY_ORG) as session:
        found = session.scalars(select(Account).where(Account.org_id == org_id))
        members = session.scalars(
            select(Membership.display_name).where(Membership.org_id == org_id, Membership.active)
        )
        return (
            session.get_one(Org, org_id).name,
            {(account.name, account.is_archived) for account in found},
            set(members),
        )
