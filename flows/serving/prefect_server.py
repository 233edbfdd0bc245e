"""Prefect's server: whether one answers, which one commands use, and one of our own for the length of a block."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from flows.serving.login import ASKING, stored_login
from flows.serving.managed_process import ManagedProcess
from flows.serving.server_config import ServerConfig, environment
from tasks import env_files
from tasks.errors import StorageUnavailable
from tasks.loopback import free_ports, is_own

PATIENCE_SECONDS = 120
STOP_SECONDS = 5


def wait_until_up(api: str, server: ManagedProcess) -> None:
    """Return when the server answers; raise StorageUnavailable if it ended or takes too long."""
    end = time.monotonic() + PATIENCE_SECONDS
    while server.exited() is None and time.monotonic() < end:
        if is_up(api):
            return
        time.sleep(0.1)
    raise StorageUnavailable(
        "Prefect's server did not come up.", f"Read {server.log}, then try again.", "serve.not_started"
    )


def is_up(api: str) -> bool:
    """Whether a Prefect API is up; one on this machine is asked without a proxy."""
    way = build_opener(ProxyHandler({})) if is_own(api) else build_opener()
    try:
        with way.open(f"{api.rstrip('/')}/health", timeout=5):
            return True
    except (OSError, ValueError):
        return False


def use_server() -> bool:
    """Whether verbs are flow runs: the environment names an API, or a `throng serve` answers in this home."""
    from flows.serving.lockfile import running_api
    from tasks.settings import load

    home = load().home.absolute()  # before Prefect is imported, which reads any `.env`
    if os.environ.get("PREFECT_API_URL"):
        return True
    api = running_api(home)
    if api is None or not is_up(api):
        return False
    os.environ |= environment(home / "prefect", api)
    login = stored_login(home)
    if login:
        os.environ[ASKING] = login
    return True


@contextmanager
def prefect_server(home: Path) -> Iterator[tuple[ServerConfig, ManagedProcess]]:
    """Start a server that keeps everything under `home`; wait until it is up before the first flow run."""
    env_files.dotenv()  # Prefect reads it unchecked
    config = ServerConfig(home, port=free_ports(1)[0])
    server = config.server()
    server.start(config.settings())
    try:
        yield config, server
    finally:
        server.terminate()
        server.wait(STOP_SECONDS)
