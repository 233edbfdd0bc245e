"""Translate database errors: who must act, and how. SQLSTATE identifies PostgreSQL's; its messages may be German."""

from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from tasks.errors import Misconfigured, StorageUnavailable, ThrongError

RERUN = "then run the same command again."
_CORRECT = "Correct THRONG_DATABASE_URL."
_FULL = StorageUnavailable("has no space left on its disk", f"Free space there, {RERUN}", "database.disk_full")
_FAILING = StorageUnavailable(
    "cannot be read or written: its disk is full or failing",
    f"Free space there or repair the disk, {RERUN}",
    "database.disk_failing",
)
_REFUSED = Misconfigured("refuses user or password", _CORRECT, "database.login_refused")
_DENIED = Misconfigured(
    "denies this user a right", "Grant it, or correct THRONG_DATABASE_URL.", "database.right_denied"
)
_ABSENT = Misconfigured(
    "does not exist on its server", "Create it, or correct THRONG_DATABASE_URL.", "database.missing"
)
_DAMAGED = Misconfigured("is damaged", "Restore it from a backup: it holds the privacy ledger.", "database.damaged")
_CROWDED = StorageUnavailable(
    "has no more connections or memory to give",
    f"Raise max_connections or end what holds them, {RERUN}",
    "database.crowded",
)
_READ_ONLY = StorageUnavailable(
    "takes no writes: it is a standby, or default_transaction_read_only is on",
    "Name the primary server in THRONG_DATABASE_URL, or ALTER ROLE ... SET default_transaction_read_only = off, "
    f"{RERUN}",
    "database.read_only",
)
_NO_SCHEMA = Misconfigured(
    "has no schema for this user's tables",
    "Create the schema that search_path names, or ALTER ROLE ... SET search_path to one that is there.",
    "database.no_schema",
)
_NO_TABLES = Misconfigured(
    "lacks a table that this Throng needs",
    "Check the user's search_path and rights, or restore the database from a backup: it holds the privacy ledger.",
    "database.no_tables",
)
_ENCODING = Misconfigured(
    "cannot hold every character: its encoding is not UTF8",
    "Create a database with ENCODING 'UTF8', and name it in THRONG_DATABASE_URL.",
    "database.encoding",
)
_TOO_OLD = Misconfigured(
    "does not offer what Throng needs",
    "Use PostgreSQL 14 or newer, without a pooler between that shares sessions.",
    "database.too_old",
)
_NO_TLS = Misconfigured(
    "and this machine do not agree on TLS",
    "Correct sslmode and sslrootcert in THRONG_DATABASE_URL (or PGSSLMODE), or pg_hba.conf on the server.",
    "database.no_tls",
)
_NO_ENTRY = Misconfigured(
    "does not let this user in from here, or not without TLS",
    "Add a line for it to pg_hba.conf on the server, or sslmode=require to THRONG_DATABASE_URL.",
    "database.no_entry",
)
_BAD_OPTION = Misconfigured("cannot be asked for with these options", _CORRECT, "database.bad_option")
_ENDED = StorageUnavailable(
    "ended this work: a time limit, a conflict with other work, or an administrator",
    "Wait a moment, then run the same command again; if it happens again, read the server's log.",
    "database.work_ended",
)

_STATES: dict[str, ThrongError] = {
    "0A": _TOO_OLD,
    "22021": _ENCODING,
    "22P05": _ENCODING,
    "25006": _READ_ONLY,
    "25P03": _ENDED,
    "25P04": _ENDED,
    "28": _REFUSED,
    "3D": _ABSENT,
    "3F": _NO_SCHEMA,
    "40": _ENDED,
    "42501": _DENIED,
    "42P01": _NO_TABLES,
    "53": _CROWDED,
    "53100": _FULL,
    "55": _ENDED,
    "57014": _ENDED,
    "58": _FAILING,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
    "XX": _FAILING,
}
"""By SQLSTATE, or by its class."""

_OF_SQLITE: dict[str, ThrongError] = {
    "locked": StorageUnavailable(
        "is locked by another process", f"Wait until that process has ended, {RERUN}", "database.locked"
    ),
    "is full": _FULL,
    "no space left": _FULL,
    "disk i/o error": _FAILING,
    "readonly": StorageUnavailable(
        "may not be written to", f"Give this user the right to write there, {RERUN}", "database.not_writable"
    ),
    "unable to open": StorageUnavailable(
        "cannot be opened", f"Give this user access to its folder, {RERUN}", "database.unopenable"
    ),
    "not a database": Misconfigured(
        "is not a database", "Restore it from a backup, or name another.", "database.not_a_database"
    ),
    "malformed": _DAMAGED,
}
_OF_POSTGRESQL: dict[str, ThrongError] = {
    "authentication failed": _REFUSED,
    "no password supplied": _REFUSED,
    "not permitted to log in": _REFUSED,
    "permission denied": _DENIED,
    "no pg_hba.conf entry": _NO_ENTRY,
    "too many connections": _CROWDED,
    "connection slots": _CROWDED,
    "certificate": _NO_TLS,
    "does not support ssl": _NO_TLS,
    "connection option": _BAD_OPTION,
    "invalid sslmode": _BAD_OPTION,
    "invalid port": _BAD_OPTION,
    "invalid integer": _BAD_OPTION,
    "unsupported startup parameter": _TOO_OLD,
    'role "': _REFUSED,  # does not exist
    'database "': _ABSENT,
}
"""What is said where no SQLSTATE can be had: before a connection, and by SQLite."""


def fault_of(name: str, error: DatabaseError | InterfaceError) -> ThrongError | None:
    """The fault of the named database; None for a defect in Throng and for a violated constraint."""
    if meaning := _meaning(error):
        return type(meaning)(f"The database {name} {meaning.what}.", meaning.action, meaning.code)
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    what = f"The database {name} does not answer ({type(error.orig).__name__})."
    return StorageUnavailable(what, f"Start it or correct THRONG_DATABASE_URL, {RERUN}", "database.unavailable")


def _meaning(error: DatabaseError | InterfaceError) -> ThrongError | None:
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return _STATES.get(state) or _STATES.get(state[:2])
    said, library = str(error.orig).lower(), type(error.orig).__module__
    words = _OF_SQLITE if library.startswith("sqlite3") else _OF_POSTGRESQL
    return next((meaning for word, meaning in words.items() if word in said), None)
