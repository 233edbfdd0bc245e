"""The production shape on one machine: PostgreSQL for Prefect and for the catalog, S3 with a client's bucket."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from flows.serving.managed_process import ManagedProcess
from flows.serving.server_config import ServerConfig
from tasks import env_files
from tasks.policy_file import load as load_policy
from tasks.services import postgres, s3
from tasks.services.client_file import client_file
from tasks.settings import load
from tasks.store.atomic_files import translate_errors, write_file

CLIENT, BUCKET = "nordmarkt", "nordmarkt-insights"


@contextmanager
def services(place: ServerConfig, say: Callable[[str], None]) -> Iterator[list[ManagedProcess]]:
    """Serve both from the home's folders, beside Prefect's port, and let every child process use them."""
    home, s3_port, postgres_port = place.home, place.port + 1, place.port + 2
    for port in (s3_port, postgres_port):
        ServerConfig(home, port=port).check()
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]  # PGSSLMODE, PGSERVICE and their like are for servers elsewhere
    _let_in(home)
    own = _in_force(home)
    with (
        postgres.serve(home / "postgres", postgres_port) as postgres_,
        s3.serve(home / "s3", {CLIENT: BUCKET}, s3_port) as s3_,
    ):
        url = postgres_.url
        own |= {
            "THRONG_DATABASE_URL": postgres.database(url, "throng"),
            "AWS_SHARED_CREDENTIALS_FILE": str(s3_.credentials),
            "AWS_CONFIG_FILE": os.devnull,
        }
        prefects = postgres.database(url, "prefect").replace("postgresql:", "postgresql+asyncpg:", 1)
        os.environ |= own | {"PREFECT_SERVER_DATABASE_CONNECTION_URL": prefects}
        _remember(home, own)
        say(f"PostgreSQL: up on port {postgres_port}, databases throng and prefect, in {home / 'postgres'}")
        say(f"S3: up, {s3_.endpoint_url}, bucket {BUCKET} of client {CLIENT}, in {home / 's3'}")
        _prepare(home, s3_.endpoint_url)
        say(f"commands: THRONG_HOME={shlex.quote(str(home))} is enough, they read its settings themselves")
        for hint in _hints(home, _today()):
            say(hint)
        yield [_managed("PostgreSQL", postgres_), _managed("S3", s3_)]


def _managed(name: str, server: postgres.PostgresServer | s3.S3Server) -> ManagedProcess:
    """A running server; its first user stops it at the end."""

    def start_again(settings: Mapping[str, str]) -> "subprocess.Popen[bytes] | None":
        server.start()
        return server.process

    return ManagedProcess(name, server.log, start_again, server.process)


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
        file.write_text(client_file(CLIENT, BUCKET, endpoint, _first_day(_today())))
        apply([file])


def _today() -> date:
    return datetime.now(load_policy(load().policy).policy.time.local).date()


def _hints(home: Path, today: date) -> Iterator[str]:
    """Where things are and what to run; a city for an empty landing."""
    settings, since = load(), _first_day(today)
    landing = settings.landing_root
    yield f"landing: {landing}"
    if not any(landing.iterdir()):
        city = f"--subscribers 16000 --zones 14 --days {(today - since).days} --start {since} --seed 7"
        yield f"it is empty; a city for it: throng simulate {shlex.quote(str(landing))} {city}"
    last = today - timedelta(1)
    yield f"to run a day: throng daily {last}; many, the plan first: throng backfill {since} {last} --dry-run"
    metrics = settings.metrics or home / "metrics.prom"
    yield f"status: throng status; after each run: {home / 'status.html'}, {metrics}"


def _first_day(today: date) -> date:
    """Of the catch-up window."""
    return today - timedelta(load_policy(load().policy).policy.time.catch_up_days)


def _in_force(home: Path) -> dict[str, str]:
    """Every place, the policy and the limit as they are now, wherever that was said: commands need it said again."""
    now = load()
    said: dict[str, object] = {
        "HOME": home,
        "LANDING": now.landing_root if now.landing else home / "landing",
        "LAKE": now.lake and now.lake_root,
        "POLICY": now.policy and now.policy.absolute(),
        "METRICS": now.metrics and now.metrics.absolute(),
        "MEMORY_LIMIT": now.memory_limit if "memory_limit" in now.model_fields_set else None,
    }
    return {f"THRONG_{name}": str(value) for name, value in said.items() if value}


def _remember(home: Path, own: Mapping[str, str]) -> None:
    """Put them into the home's settings, where a person's lines stay; the database's password is among them."""
    lines = [*env_files.others(home, own), *(f"export {name}={shlex.quote(value)}" for name, value in own.items())]
    new = home / "env.new"
    with translate_errors(home):
        new.unlink(missing_ok=True)
        write_file(new, "".join(f"{line}\n" for line in lines).encode())
        new.replace(home / "env")
