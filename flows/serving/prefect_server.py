"""Prefect's server as a child of this process: its own home, loopback only, no telemetry; it dies with us."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from urllib.request import ProxyHandler, build_opener

from flows.serving.login import ASKING, AUTH
from flows.serving.managed_process import die_with_parent
from tasks import env_files
from tasks.errors import StorageUnavailable
from tasks.loopback import free_ports, is_own

PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class PrefectServer:
    """A Prefect server on its way up."""

    child: "subprocess.Popen[bytes]"
    url: str
    log: Path
    login: str

    @property
    def api(self) -> str:
        """What PREFECT_API_URL must be."""
        return f"{self.url}/api"

    @property
    def settings(self) -> dict[str, str]:
        """The environment of the server's clients."""
        return environment(self.log.parent, self.api) | {ASKING: self.login}

    def wait(self) -> None:
        """Return when the server answers; raises StorageUnavailable if it ended or takes too long."""
        wait_until_up(self.api, lambda: self.child.poll() is not None, self.log)


def wait_until_up(api: str, ended: Callable[[], bool], log: Path) -> None:
    """Return when the server answers; raises StorageUnavailable if it ended or takes too long."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not ended() and time.monotonic() < end:
        if is_up(api):
            return
        time.sleep(0.1)
    raise StorageUnavailable("Prefect's server did not come up.", f"Read {log}, then try again.", "serve.not_started")


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
    from flows.serving.login import stored_login
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


def environment(home: Path, api: str) -> dict[str, str]:
    """Prefect's settings for a home of its own, without telemetry."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "DO_NOT_TRACK": "1",
    }


@contextmanager
def prefect_server(home: Path) -> Iterator[PrefectServer]:
    """Start a server that keeps everything under `home`; `wait` for it before the first flow run."""
    env_files.dotenv()  # Prefect reads it unchecked
    home.mkdir(parents=True, exist_ok=True)
    url, login = f"http://127.0.0.1:{(port := free_ports(1)[0])}", f"throng:{token_urlsafe(32)}"
    own = {AUTH: login, "PREFECT_SERVER_UI_API_URL": f"{url}/api", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": url}
    server = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = home / "server.log"
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603  (our own interpreter and fixed words)
            die_with_parent(server),
            env=os.environ | environment(home, f"{url}/api") | own,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield PrefectServer(child, url, log, login)
    finally:
        _stop(child)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
