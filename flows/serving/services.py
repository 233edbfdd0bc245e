"""The production shape on one machine: PostgreSQL for Prefect and for the catalog, S3 with a client's bucket."""

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from flows.serving.place import Place
from tasks.policy import load as load_policy
from tasks.services import postgres, s3
from tasks.services.client_file import client_file
from tasks.settings import load

CLIENT, BUCKET = "nordmarkt", "nordmarkt-insights"


@contextmanager
def services(place: Place, say: Callable[[str], None]) -> Iterator[None]:
    """Serve both from the home's folders, beside Prefect's port, and let every process of ours use them."""
    home, s3_port, postgres_port = place.home, place.port + 1, place.port + 2
    for port in (s3_port, postgres_port):
        Place(home, port=port).check()
    _let_in(home)
    with (
        postgres.serve(home / "postgres", postgres_port) as url,
        s3.serve(home / "s3", {CLIENT: BUCKET}, s3_port) as s3_,
    ):
        own = {
            "THRONG_HOME": str(home),
            "THRONG_LANDING": os.environ.get("THRONG_LANDING") or str(home / "landing"),
            "THRONG_DATABASE_URL": postgres.database(url, "throng"),
            "AWS_SHARED_CREDENTIALS_FILE": str(s3_.credentials),
            "AWS_CONFIG_FILE": os.devnull,
        }
        prefects = postgres.database(url, "prefect").replace("postgresql:", "postgresql+asyncpg:", 1)
        os.environ |= own | {"PREFECT_SERVER_DATABASE_CONNECTION_URL": prefects}
        _write_for_shells(home / "env", own)
        say(f"PostgreSQL: up on port {postgres_port}, databases throng and prefect, in {home / 'postgres'}")
        say(f"S3: up, {s3_.endpoint_url}, bucket {BUCKET} of client {CLIENT}, in {home / 's3'}")
        _prepare(home, s3_.endpoint_url)
        say(f"for other shells: . {shlex.quote(str(home / 'env'))}")
        say(f"landing: {own['THRONG_LANDING']}; a city for it: {_simulation(own['THRONG_LANDING'])}")
        yield


def _let_in(home: Path) -> None:
    """As root, PostgreSQL runs as nobody: let others pass through to its folder; all beside it is closed to them."""
    way = [*([home.parent] if home.parent.name == ".throng" else []), home, home / "postgres"]
    for folder, on in [] if os.geteuid() else pairwise(way):
        for beside in folder.iterdir():
            if beside != on and not beside.is_symlink():
                beside.chmod(beside.stat().st_mode & ~0o077)
        folder.chmod(folder.stat().st_mode | 0o011)


def _prepare(home: Path, endpoint: str) -> None:
    """The first time: a landing folder, and a client that is granted everything since the catch-up window began."""
    from flows.cli.clients import apply

    load().landing_root.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = home / f"{CLIENT}.toml"
    if not file.exists():
        file.write_text(client_file(CLIENT, BUCKET, endpoint, _first_day()))
        apply([file])


def _first_day() -> date:
    return date.today() - timedelta(load_policy(load().policy).policy.time.catch_up_days)


def _simulation(landing: str) -> str:
    start = date.today() - timedelta(3)
    return f"throng simulate {shlex.quote(landing)} --subscribers 16000 --zones 14 --days 3 --start {start} --seed 7"


def _write_for_shells(file: Path, settings: Mapping[str, str]) -> None:
    """The settings as a shell reads them; the database's password is among them."""
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())
    with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write(text)
