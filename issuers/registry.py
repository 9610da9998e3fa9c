"""The trusted issuers of a process, each with a thread that reads its keys."""

import logging
import os
import threading
from datetime import UTC, datetime
from time import monotonic

from issuers.key_sets import KeyName
from issuers.keys import IssuerKeys, Listener
from models.database import Database
from settings import Settings

log = logging.getLogger("presence.issuers")

STEP_SECONDS = 0.5  # a key that another process has read is known here after at most that


class TrustedIssuers:
    """They do nothing before :meth:`start`, so that a process may fork after making them."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._by_name = {
            each.issuer: IssuerKeys(each, database, self._tell) for each in settings.trusted_issuers
        }
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._started_in: int | None = None
        self._stopping = threading.Event()
        self._first_steps: list[threading.Event] = []

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def find(self, name: object) -> IssuerKeys | None:
        """The issuer with this ``iss``."""
        return self._by_name.get(name) if isinstance(name, str) else None

    def listen(self, listener: Listener) -> None:
        """Have ``listener`` called in a reading thread, each time an issuer's keys have changed."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin to read keys in the background, in each process once."""
        if not self._by_name or self._started_in == os.getpid():
            return
        with self._lock:
            if self._started_in == os.getpid():
                return
            for each in self._by_name.values():
                if each.issuer.secret is None:
                    each.take_stored(datetime.now(UTC))
                    self._start(each)
            self._started_in = os.getpid()

    def _start(self, keys: IssuerKeys) -> None:
        stepped = threading.Event()
        if keys.has_keys:
            stepped.set()  # the stored ones do for a start
        self._first_steps.append(stepped)
        about = (keys, stepped)
        threading.Thread(target=self._run, args=about, name="issuer", daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Wait until each issuer's keys are there, or could not be read."""
        until = monotonic() + seconds
        for stepped in self._first_steps:
            stepped.wait(max(0.0, until - monotonic()))

    def stop(self) -> None:
        """End the reading."""
        self._stopping.set()

    @property
    def have_keys(self) -> bool:
        """Whether there are keys of each, be they of today or of yesterday."""
        return all(each.has_keys for each in self._by_name.values())

    def state(self) -> str:
        """``ok``, or which issuer has no keys, or none that were read lately."""
        now = datetime.now(UTC)
        states = {name: each.state(now) for name, each in self._by_name.items()}
        late = [f"{name}: {state}" for name, state in states.items() if state != "ok"]
        return "; ".join(late) or "ok"

    def _run(self, keys: IssuerKeys, stepped: threading.Event) -> None:
        while not self._stopping.is_set():
            try:
                keys.step(datetime.now(UTC))
            except Exception:
                log.exception("The keys of an issuer could not be followed")
            if keys.has_keys or keys.has_failed:
                stepped.set()
            self._stopping.wait(STEP_SECONDS)

    def _tell(self, issuer: str, gone: frozenset[KeyName]) -> None:
        for listener in self._listeners:
            listener(issuer, gone)
