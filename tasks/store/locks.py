"""One writer at a time: flock beside SQLite, advisory locks on PostgreSQL; both fall with the process."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text

from tasks.store.atomic_files import locked, make_folder, translate_errors
from tasks.store.database import Database


class Locks:
    """Named locks; who comes second waits. A name must not be taken twice by one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock of a release key, a client's index or a day for the length of the block."""
        file = self._database.file
        return self._advisory(name) if file is None else _flock(file.parent / "locks" / f"{quote(name, safe='')}.lock")

    def confirm(self) -> None:
        """Raise StorageUnavailable if a lock that is held here fell since; before what no transaction guards."""
        self._database.confirm_locks()

    @contextmanager
    def _advisory(self, name: str) -> Iterator[None]:
        key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
        with self._database.translate_errors():
            connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            with self._database.translate_errors():
                connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
            self._database.held.append(connection)
            yield
        finally:
            if connection in self._database.held:
                self._database.held.remove(connection)
            connection.invalidate()  # ends the session, and with it the lock, even where the server is gone
            connection.close()


@contextmanager
def _flock(path: Path) -> Iterator[None]:
    make_folder(path.parent)
    with ExitStack() as held:
        with translate_errors(path.parent):
            path.touch(mode=0o600)
            held.enter_context(locked(path))
        yield
