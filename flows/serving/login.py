"""Who may ask Prefect's API: one user with a password, given by the environment or made once and kept.

Loopback is no login: every user of the machine, and every page in a browser there, reaches it.
"""

import os
from pathlib import Path
from secrets import token_urlsafe

from tasks.store.atomic_files import make_folder, replace_file

AUTH = "PREFECT_SERVER_API_AUTH_STRING"
"""Names the variable by which Prefect's server learns its user and password."""

ASKING = "PREFECT_API_AUTH_STRING"
"""The variable by which clients of the server learn the login."""


def login_file(home: Path) -> Path:
    """Where `user:password` is kept that nobody gave; only its owner can read it."""
    return home / "prefect" / "login"


def login(home: Path) -> str:
    """What the server is started with: what the environment gives, else what is kept, else a new one that is kept."""
    given, path = os.environ.get(AUTH), login_file(home)
    if given:
        path.unlink(missing_ok=True)  # commands would take it for this server's
        return given
    if not stored_login(home):
        make_folder(path.parent)
        replace_file(path, f"throng:{token_urlsafe(32)}".encode())
    return path.read_text()


def stored_login(home: Path) -> str | None:
    """The login that a home keeps, for users who may read it."""
    try:
        return login_file(home).read_text() or None
    except OSError:
        return None
