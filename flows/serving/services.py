"""The production shape on one machine: PostgreSQL for Prefect and for the catalog, S3 with a client's bucket."""

import os
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from flows.serving.place import Place
from tasks.events.landing import first_label
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
        _remember(home / "env", own)
        say(f"PostgreSQL: up on port {postgres_port}, databases throng and prefect, in {home / 'postgres'}")
        say(f"S3: up, {s3_.endpoint_url}, bucket {BUCKET} of client {CLIENT}, in {home / 's3'}")
        _prepare(home, s3_.endpoint_url)
        say(f"commands: THRONG_HOME={shlex.quote(str(home))} is enough, they read its settings themselves")
        for hint in _hints(home, _today()):
            say(hint)
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
        since = _today() - timedelta(load_policy(load().policy).policy.time.catch_up_days)
        file.write_text(client_file(CLIENT, BUCKET, endpoint, since))
        apply([file])


def _today() -> date:
    return datetime.now(load_policy(load().policy).policy.time.local).date()


def _hints(home: Path, today: date) -> Iterator[str]:
    """Where things are and what to run; a city only for an empty landing, and of every day that the client expects."""
    settings, grants = load(), tomllib.loads((home / f"{CLIENT}.toml").read_text())["grants"]
    landing, since = settings.landing_root, min(grant["from"] for grant in grants)
    days = (today - since).days
    yield f"landing: {landing}"
    if days > 0 and first_label(landing) is None:
        city = f"--subscribers 16000 --zones 14 --days {days} --start {since} --seed 7"
        yield f"it is empty; a city for it: throng simulate {shlex.quote(str(landing))} {city}"
    last = today - timedelta(1)
    yield f"to run a day: throng daily {last}; many, the plan first: throng backfill {since} {last} --dry-run"
    metrics = settings.metrics or home / "metrics.prom"
    yield f"how all stands: throng status; after each run: {home / 'status.html'}, {metrics}"


def _remember(file: Path, settings: Mapping[str, str]) -> None:
    """The settings as commands in the home and shells read them; the database's password is among them."""
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())
    with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write(text)
