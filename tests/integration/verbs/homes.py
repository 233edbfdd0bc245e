"""A home and its database on their way through the tests: made, copied and removed together.

On PostgreSQL each home has a database of its own, whose URL rests in a file of the home; SQLite's is in the home.
"""

import os
import shutil
import time
from pathlib import Path
from secrets import token_hex

import psycopg

from tasks.key_ring import key_ring
from tasks.period import Period
from tasks.release import utc_now
from tasks.settings import Settings
from tasks.store import open_stores
from tests.few_products import policy_of_two

URL = "database_url"
MOST_SECONDS = 30


def settings(home: Path, landing: Path) -> Settings:
    """Settings of a home, whatever the environment says."""
    os.chdir(home.parent)
    policy = home / "policy.toml"
    own = policy if policy.exists() else None
    return Settings(home=home, landing=str(landing), database_url=database_url(home), policy=own)


def database_url(home: Path) -> str | None:
    """The URL of a home's database; None beside SQLite."""
    return (home / URL).read_text() if (home / URL).exists() else None


def new_home(home: Path, server: str | None) -> None:
    """A folder and, on a PostgreSQL server, an empty database."""
    home.mkdir()
    (home / "policy.toml").write_text(policy_of_two())
    if server:
        _create(home, server)


def prepare(home: Path, landing: Path) -> None:
    """Open a new home and make its keys, so that pseudonyms are the same in each copy of it."""
    stores = open_stores(settings(home, landing))
    for period in ("2026-03-03", "2026-W10", "2026-03"):
        stores.pseudonym_keys.key(Period.parse(period))
        stores.data_keys.key(Period.parse(period))
    key_ring(stores.signing_keys, utc_now())
    stores.digest_key.digest(b"")


def copied(source: Path, target: Path) -> Path:
    """A home's copy; the lake's files never change, so both share them."""

    def copy(file: str, to: str) -> None:
        (os.link if "/lake/" in file else shutil.copy2)(file, to)

    shutil.copytree(source, target, copy_function=copy)
    if url := database_url(source):
        _create(target, url, like=url.rpartition("/")[2])
    return target


def removed(home: Path) -> None:
    """Remove a home that is no longer needed."""
    if url := database_url(home):
        with psycopg.connect(_maintenance(url), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')
    shutil.rmtree(home)


def _create(home: Path, server: str, like: str = "template0") -> None:
    """A database for the home; a killed process's connection to the one it is copied from may take a moment to fall."""
    name, end = f"home_{token_hex(6)}", time.monotonic() + MOST_SECONDS
    with psycopg.connect(_maintenance(server), autocommit=True) as connection:
        while True:
            try:
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}" STRATEGY FILE_COPY')
                break
            except psycopg.errors.ObjectInUse:
                assert time.monotonic() < end, "the database that is to be copied stays in use"
                time.sleep(0.02)
    (home / URL).write_text(f"{server.rpartition('/')[0]}/{name}")


def _maintenance(url: str) -> str:
    return f"{url.rpartition('/')[0]}/postgres"
