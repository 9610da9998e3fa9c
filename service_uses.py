"""When services were last used: noted in memory, written in the background.

Most of a service's polls never reach the database, and those that do must not write. So each use is
noted here, by the minute, and the latest are written together, at most once a minute. The thread
that writes lives for one writing, so there is one only where services are used. At a clean end of
the process what is still noted is written.
"""

import atexit
import logging
import threading
from datetime import datetime
from time import monotonic
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from models.database import Database
from services import services

WRITE_EVERY_SECONDS = 60.0

log = logging.getLogger("presence.service_uses")


class ServiceUses:
    """Those of one process. Every thread may note."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._noted: dict[UUID, dict[UUID, datetime]] = {}  # by org, then by service
        self._timer: threading.Timer | None = None
        self._due = 0.0  # by monotonic()
        self._ends_with_process = False

    def note(self, org_id: UUID, service_id: UUID, now: datetime) -> None:
        """Take note that a service was used."""
        with self._lock:
            minute = now.replace(second=0, microsecond=0)
            self._noted.setdefault(org_id, {})[service_id] = minute
            self._write_soon()

    def write(self, *, is_last: bool = False) -> None:
        """Write what is noted, now.

        :param is_last: there will be no time to try again
        """
        with self._writing:
            with self._lock:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer, noted, self._noted = None, self._noted, {}
                self._due = monotonic() + WRITE_EVERY_SECONDS
            for org_id, used in noted.items():
                try:
                    with self._database.write(org_id) as session:
                        services.record_use(session, used)
                except SQLAlchemyError as error:
                    log.warning(
                        "When services were used could not be written: %s", type(error).__name__
                    )
                    if not is_last:
                        self._take_back(org_id, used)

    def close(self) -> None:
        """Write what is noted, because the process ends."""
        self.write(is_last=True)

    def _take_back(self, org_id: UUID, used: dict[UUID, datetime]) -> None:
        with self._lock:
            self._noted[org_id] = used | self._noted.get(org_id, {})
            self._write_soon()

    def _write_soon(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(max(0.0, self._due - monotonic()), self.write)
            self._timer.daemon = True
            self._timer.start()
        if not self._ends_with_process:
            self._ends_with_process = True
            atexit.register(self.close)
