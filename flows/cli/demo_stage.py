"""The demo's stage: a home of its own, real servers on loopback, two clients; started fresh, and gone with the demo."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.serving.lockfile import exclusive
from flows.serving.managed_process import ManagedProcess
from flows.serving.prefect_server import prefect_server
from flows.serving.server_config import ServerConfig
from tasks.env_files import sqlite_url
from tasks.errors import Misconfigured
from tasks.policy_file import shipped
from tasks.services.client_file import client_file
from tasks.services.s3 import S3Server, serve
from tasks.store.atomic_files import make_folder

MEMORY_LIMIT = "100MB"
BUCKETS: Mapping[str, str] = {"nordmarkt": "nordmarkt-insights", "stadtlicht": "stadtlicht-data"}
"""Each client's bucket."""


@dataclass(frozen=True)
class Stage:
    """Where everything of a demo is, while its servers run."""

    home: Path
    config: ServerConfig
    server: ManagedProcess
    s3: S3Server

    @property
    def landing(self) -> Path:
        """What the operator sent."""
        return self.home / "landing"

    def received(self, client: str) -> Path:
        """What a client downloaded."""
        return self.home / "clients" / client

    def client_file(self, name: str, zones: str, day: date) -> Path:
        """Write a client's file, which grants zones of one day."""
        file = self.home / f"{name}.toml"
        file.write_text(client_file(name, BUCKETS[name], self.s3.endpoint_url, day, day, zones))
        return file


@contextmanager
def stage(home: Path) -> Iterator[Stage]:
    """Clear the home and start the servers; nothing of this machine's own Throng is read or written."""
    make_folder(home)
    taken = Misconfigured(f"Another demo runs in {home}.", "Wait until it has ended.", "demo.running")
    with exclusive(home.with_suffix(".lock"), taken):  # the next demo clears what this one uses
        for left in home.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        with prefect_server(home) as (config, server), serve(home / "s3", BUCKETS) as s3:
            os.environ.update(_environment(home, config, s3))
            yield Stage(home, config, server, s3)


def _environment(home: Path, config: ServerConfig, s3: S3Server) -> dict[str, str]:
    """Every setting, so that neither the environment nor a `.env` leads the demo elsewhere."""
    return {
        "THRONG_HOME": str(home),
        "THRONG_LANDING": str(home / "landing"),
        "THRONG_LAKE": str(home / "lake"),
        "THRONG_DATABASE_URL": sqlite_url(home / "catalog.db"),
        "THRONG_POLICY": str(shipped()),
        "THRONG_ENGINE": "local",
        "THRONG_MEMORY_LIMIT": MEMORY_LIMIT,
        "AWS_SHARED_CREDENTIALS_FILE": str(s3.credentials),
        "AWS_CONFIG_FILE": os.devnull,
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # gives memory back at once: three servers share this machine
        **config.settings(),
    }
