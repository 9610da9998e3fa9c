"""How gunicorn serves the app. Bind and the number of workers come from the command line."""

import signal
from typing import Any

import settings

# A bad setting stops the start here, in one line, not in every worker.
settings.load()

worker_class = "gthread"
threads = 16
keepalive = 75  # well above the poll interval, so that a polling client keeps its connection
graceful_timeout = 10
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Sweep in the background of every worker."""
    import sweeper

    # Ctrl-C reaches a worker twice: from the terminal, and as SIGQUIT from the master. Gunicorn's
    # own handler for both may wait for a lock that the interrupted code holds, until it is killed.
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, worker.handle_exit)
    worker.sweeping = sweeper.start(worker.wsgi.extensions["presence"])


def worker_exit(_server: Any, worker: Any) -> None:
    if hasattr(worker, "sweeping"):
        worker.sweeping.set()
