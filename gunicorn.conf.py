"""How gunicorn serves Presence. Bind and the number of workers come from the command line.

The master imports what the workers need, so that they start, and start anew at a reload, in
moments; and it forgets our own modules again, so that a reload takes new code.
"""

import importlib
import os
import resource
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
METRICS = "presence-metrics-"

worker_class = "live.worker.PresenceWorker"
keepalive = 75  # seconds, well above the poll interval: a polling client keeps its connection
backlog = 4096
loglevel = "warning"  # so that what `dev.py run` prints stays in sight
timeout = 60
graceful_timeout = 15  # seconds; a polling client's next poll ends its connection before
control_socket_disable = True  # not needed, and one more way in

# The workers' metrics are added up from files in this folder. At a reload it is there already.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=METRICS)


def _forget_our_modules() -> None:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and HERE in Path(file).parents and ".venv" not in Path(file).parts:
            del sys.modules[name]


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _forget_gauges_of_the_dead() -> None:
    """Workers that ended with their master were not told to the operator's folder."""
    from prometheus_client import multiprocess

    for file in Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def on_starting(server: Any) -> None:
    """Set up the database first, where PRESENCE_SETUP wants it, as `dev.py run` does."""
    from click import ClickException

    from app import create_app
    from cli.role import require_rights
    from cli.setup import prepare

    _forget_gauges_of_the_dead()
    app = create_app()
    database = app.extensions["presence"].database
    wanted = os.environ.get("PRESENCE_SETUP")
    try:
        if wanted:
            bind = server.cfg.bind
            with app.app_context():
                prepare(f"http://{bind[0]}", bind, wants_demo=wanted == "demo")
            print("Ctrl-C stops the server.", flush=True)
        require_rights(database)
    except ClickException as error:
        raise SystemExit(f"Error: {error.format_message()}") from None
    database.close()
    _forget_our_modules()


def child_exit(_server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    if folder.name.startswith(METRICS):  # else it is the operator's
        shutil.rmtree(folder, ignore_errors=True)


# At a reload gunicorn reads this file again, before it loads the workers' class.
_forget_our_modules()
_allow_many_connections()
# A bad setting stops the start here, with one line, before anything else is printed.
importlib.import_module("settings").load()
