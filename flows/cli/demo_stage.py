"""The demo's stage: a home of its own, real servers on loopback, two clients; started fresh, and gone with the demo."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from flows.serving.lockfile import exclusive
from flows.serving.prefect_server import prefect_server, wait_until_up
from flows.serving.server_config import ServerConfig
from tasks.env_files import sqlite_url
from tasks.errors import Misconfigured
from tasks.policy_file import shipped
from tasks.services.s3 import S3Server, serve
from tasks.store.atomic_files import make_folder

MEMORY_LIMIT = "100MB"
BUCKETS: Mapping[str, str] = {"nordmarkt": "nordmarkt-insights", "stadtlicht": "stadtlicht-data"}
"""Each client's bucket."""


@contextmanager
def stage(home: Path) -> Iterator[tuple[Callable[[], None], str]]:
    """Clear the home and start the servers: Prefect's to wait for, and S3's address.

    Nothing of this machine's own Throng is read or written.
    """
    make_folder(home)
    taken = Misconfigured(f"Another demo runs in {home}.", "Wait until it has ended.", "demo.running")
    with exclusive(home.with_suffix(".lock"), taken):  # the next demo clears what this one uses
        for left in home.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        with prefect_server(home) as (config, server), serve(home / "s3", BUCKETS) as s3:
            os.environ.update(_environment(home, config, s3))
            yield partial(wait_until_up, config.api, server), s3.endpoint_url


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
