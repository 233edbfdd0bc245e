"""Where one `throng serve` is: its folders, its address, and the settings of the processes it starts."""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.serving.login import ASKING, AUTH, login
from flows.serving.managed_process import ManagedProcess, start_logged
from tasks.errors import Misconfigured
from tasks.loopback import LOOPBACK

KEPT_DAYS = 90
"""How long Prefect keeps a flow run's page; the catalog keeps its row permanently."""


@dataclass(frozen=True)
class ServerConfig:
    """A home, and the address at which Prefect is reached."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 4200

    @property
    def url(self) -> str:
        """What a browser opens; a server on all addresses is reached at this machine's name."""
        host = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def api(self) -> str:
        """What PREFECT_API_URL must be."""
        return f"{self.url}/api"

    @property
    def prefect(self) -> Path:
        """Prefect's own home: its database, unless another is named, and its leases."""
        return self.home / "prefect"

    def log(self, child: str) -> Path:
        """What a child wrote."""
        return self.home / "logs" / f"{child}.log"

    def check(self) -> None:
        """Raise Misconfigured if the address must not or cannot be served."""
        if self.host not in LOOPBACK and not os.environ.get(AUTH):
            raise Misconfigured(
                f"{self.host} can be reached from other machines, and nobody has chosen a password.",
                f"Set {AUTH} to user:password, or leave out --host.",
                "serve.password_missing",
            )
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((self.host, self.port))
        except OSError as error:
            raise Misconfigured(
                f"Port {self.port} of {self.host} cannot be used: {error.strerror or 'unknown host'}.",
                "Stop what uses it, or choose another with --port.",
                "serve.port_in_use",
            ) from None

    def settings(self) -> dict[str, str]:
        """Prefect's settings for every process; the environment's own values take precedence."""
        return {
            "THRONG_HOME": str(self.home),  # flow runs start in the same folder, but say so where another one is named
            **environment(self.prefect, self.api),
            AUTH: login(self.home),
            ASKING: login(self.home),
            "PREFECT_SERVER_UI_API_URL": self.api,
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(self._origins()),
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(KEPT_DAYS * 86_400),
            # Leases in memory would be lost with the server, and each running flow would be ended for it.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            # A server takes ten seconds to come back: a running flow must wait for it longer than that.
            "PREFECT_CLIENT_MAX_RETRIES": "8",
            "PREFECT_WORKER_QUERY_SECONDS": os.environ.get("PREFECT_WORKER_QUERY_SECONDS", "5"),
        }

    def _origins(self) -> list[str]:
        """Whose pages may call the API: its own; on loopback under the other name too, as behind a forwarded port."""
        return [self.url, *([f"http://localhost:{self.port}"] if self.host == LOOPBACK[0] else [])]

    def server(self) -> ManagedProcess:
        """Prefect's server."""
        return self._managed("server", "server", "start", "--host", self.host, "--port", str(self.port))

    def worker(self, queue: str) -> ManagedProcess:
        """The worker of a queue."""
        named = ("--name", worker_name(queue), "--pool", POOL, "--work-queue", queue)
        return self._managed(f"worker {queue}", "worker", "start", *named, "--type", "process")

    def _managed(self, name: str, *words: str) -> ManagedProcess:
        log = self.log(name.replace(" ", "-"))
        return ManagedProcess(name, log, partial(start_logged, [sys.executable, "-m", "prefect", *words], log))


POOL = "throng"
QUEUES: Mapping[str, int] = {"daily": 1, "backfill": 2}
"""Each queue's priority, the first one's runs first; each has a worker of its own."""

ALERT_ADDRESS = "ALERT_ADDRESS"
"""Names the variable by which the deployments' process learns where alerts go; the address is a secret."""


def worker_name(queue: str) -> str:
    """A worker's name says which runs are this machine's."""
    return f"{queue} on {socket.gethostname()}"


def environment(home: Path, api: str) -> dict[str, str]:
    """Prefect's settings for a home of its own, without telemetry."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "DO_NOT_TRACK": "1",
    }
