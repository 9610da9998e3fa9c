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
loglevel = "warning"  # what `dev.py run` prints shall stay in sight
timeout = 60
graceful_timeout = 15  # seconds; a polling client's next poll ends its connection before
control_socket_disable = True  # nobody asked for another way in

# prometheus_client's workers add up their metrics in files here. At a reload it is there already.
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


def on_starting(server: Any) -> None:
    """With PRESENCE_SETUP, as `dev.py run` sets it, the database is set up first."""
    from click import ClickException

    from app import create_app
    from cli.setup import prepare

    app = create_app()
    wanted = os.environ.get("PRESENCE_SETUP")
    if wanted:
        bind = server.cfg.bind
        try:
            with app.app_context():
                prepare(f"http://{bind[0]}", bind, wants_demo=wanted == "demo")
        except ClickException as error:
            raise SystemExit(f"Error: {error.format_message()}") from None
    app.extensions["presence"].database.close()
    _forget_our_modules()


def child_exit(_server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    if folder.name.startswith(METRICS):  # else it is the operator's
        shutil.rmtree(folder, ignore_errors=True)


# At a reload this file is read again, before the workers' class is.
_forget_our_modules()
_allow_many_connections()
# A bad setting stops the start here, in one line, before anything else is said.
importlib.import_module("settings").load()
