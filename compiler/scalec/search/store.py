"""The store of results: a folder with a journal and one driver that locks it, or a database for many machines."""

import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scalec.record import record

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

JOURNAL = "journal.log"
HEARTBEAT = 15
"""Seconds between two signs of life of a trial in a database; after four times as many without one it is begun anew."""
RETRIES = 5
"""How often a trial is begun anew whose machine fell silent."""
_ATTEMPTS = 10


class Busy(Exception):
    """Another driver has the store."""


class StoreError(Exception):
    """The store cannot be used; the message says why, and names no password."""


@record
class Store:
    """A folder for the journal and for the files of running trials, and perhaps the URL of a database."""

    folder: Path = Path(".scalec/search")
    url: str | None = None
    heartbeat: int = HEARTBEAT

    @property
    def trials(self) -> Path:
        """Where the files of running trials are."""
        return self.folder / "trials"

    @property
    def logs(self) -> Path:
        """Where the logs of trials are that came to nothing."""
        return self.folder / "logs"

    @contextmanager
    def opened(self) -> "Iterator[BaseStorage]":
        """Open it for one driver. Raises `Busy`, `StoreError`, and `OSError`."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.url is not None:
            yield from _guarded(self._database(self.url))
            return
        with _locked(self.folder / "lock"):
            shutil.rmtree(self.trials, ignore_errors=True)  # of a driver that was killed
            journal = self.folder / JOURNAL
            for left in self.folder.glob(f"{JOURNAL}.lock*"):
                left.unlink()  # ours is the only driver: whoever locked the journal is gone
            mend(journal)
            yield _journal(journal)

    def try_out(self) -> None:
        """See whether a database can be used, and write nothing. Raises `StoreError`."""
        if self.url is not None:
            with _plainly(self.url):
                from sqlalchemy import create_engine

                engine = create_engine(self.url)
                engine.connect().close()
                engine.dispose()

    def _database(self, url: str) -> "BaseStorage":
        from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
        from sqlalchemy.exc import IntegrityError, ProgrammingError

        with _plainly(url), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for left in reversed(range(_ATTEMPTS)):
                try:
                    return RDBStorage(
                        url, heartbeat_interval=self.heartbeat, grace_period=4 * self.heartbeat,
                        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=RETRIES),
                        engine_kwargs={"pool_pre_ping": True},
                    )  # fmt: skip
                except (IntegrityError, ProgrammingError):
                    if not left:
                        raise
                time.sleep(1)  # another process has just been making the tables of an empty database
        raise AssertionError


@contextmanager
def _plainly(url: str) -> Iterator[None]:
    """Raise `StoreError` with a line that says why a database cannot be opened."""
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    if url.startswith("sqlite"):
        raise StoreError("SQLite runs a trial twice now and then: leave --storage out, or use PostgreSQL or MySQL")
    try:
        yield
    except (ArgumentError, NoSuchModuleError):
        raise StoreError("--storage is no URL of a database: write postgresql://user@host/name") from None
    except ImportError as error:
        name = error.name or getattr(error.__cause__, "name", None) or "the driver of that database"
        raise StoreError(f"--storage needs {name}") from None
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
        raise StoreError(f"the database cannot be used: {said[0] if said else 'no reason given'}") from None


def _guarded(storage: "BaseStorage") -> "Iterator[BaseStorage]":
    """Return a database, and say so plainly if it goes away meanwhile; raise `StoreError`."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield storage
    except (SQLAlchemyError, StorageInternalError):
        raise StoreError(
            "the database went away; what has ended is kept, the same command goes on from there"
        ) from None


def mend(journal: Path) -> None:
    """Take an unfinished last line off a journal: what would be written next would be glued to it. Raises `OSError`."""
    if not journal.is_file():
        return
    with journal.open("r+b") as file:
        data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            file.truncate(whole)
            os.fsync(file.fileno())


def _journal(path: Path) -> "BaseStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        return JournalStorage(JournalFileBackend(str(path)))
    except (ValueError, KeyError, AssertionError) as error:
        message = f"{path} is damaged ({type(error).__name__}): move it away to begin anew"
        raise StoreError(message) from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process. Raises `Busy`."""
    if sys.platform == "win32":
        raise StoreError("the search needs Linux or macOS")
    import fcntl

    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Busy(f"another search (process {file.read().strip() or 'unknown'}) is using {path.parent}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
