"""docs/admin.md: its commands do what it says, and print what it shows."""

import re
import subprocess
from pathlib import Path

from models import Membership
from services import accounts, members
from tests.support import ROOT
from tests.support.programs import program
from tests.support.scripts import NAMES, Admin
from tests.support.world import World, ago

PAGE = (ROOT / "docs/admin.md").read_text()
# A block of commands, and what it prints, where that is shown next.
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n^```\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
END = "-- the end of a block --"


def test_admin_md_names_every_script() -> None:
    assert set(re.findall(r"scripts/([a-z-]+)", PAGE)) == set(NAMES)


def test_admin_md_does_what_it_says(
    admin: Admin, org: World, maya: Membership, tmp_path: Path
) -> None:
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    people, _, work = PAGE.partition("## Who is where")
    run_blocks(people, admin, tmp_path, org.code(maya), ".presence-token")
    with org.changing() as change:
        (acme,) = accounts.list_accounts(change.session, org.id)
        (ana,) = (m for m in members.list_members(change.session, org.id) if m.role == "va")
    org.clock_in(ana, acme, occurred_at=ago(3600))
    wait_until_all_workers_show(admin, "Ana Reyes")
    run_blocks(work, admin, tmp_path, "", ".presence-service")


def wait_until_all_workers_show(admin: Admin, name: str) -> None:
    """Each answer is some worker's, and a change may reach its memory a second later."""
    in_a_row = 0
    while in_a_row < 10:
        in_a_row = in_a_row + 1 if name in admin.run("who").out else 0


def run_blocks(page: str, admin: Admin, home: Path, typed: str, token_file: str) -> None:
    """Run the commands one after the other, and compare what they print."""
    program("curl")
    blocks = BLOCK.findall(page)
    commands = f"echo '{END}'\n".join(commands for commands, _ in blocks)
    variables = {"HOME": str(home), "PRESENCE_TOKEN": ""}
    variables["PRESENCE_TOKEN_FILE"] = str(home / token_file)
    done = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            commands.replace("https://presence.example.com", admin.url),
        ],
        cwd=home,
        env=admin.environment | variables,
        input=f"{typed}\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    printed = done.stdout.split(f"{END}\n")
    for (command, shown), out in zip(blocks, printed, strict=True):
        if shown:
            lines = [line.rstrip() for line in out.splitlines()]
            pattern = re.escape(shown.rstrip()).replace("…", ".*")
            assert re.fullmatch(pattern, "\n".join(lines)), (command, out)
