"""A new user's first delivery, on one machine: a home, a day, a bucket of `throng s3`, and the verification."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.loopback import free_ports
from tests.served import DEAD_PROXIES

ROOT = Path(__file__).parent.parent.parent
THRONG = [sys.executable, "-m", "flows.cli"]
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("THRONG_", "PREFECT_", "AWS_"))
}
ENVIRONMENT |= {"PYTHONPATH": str(ROOT), "AWS_CONFIG_FILE": os.devnull, **DEAD_PROXIES}


def throng(home: Path, words: str, **environment: str) -> str:
    """What the command says."""
    command = [*THRONG, *shlex.split(words)]
    ran = subprocess.run(command, cwd=home, env=ENVIRONMENT | environment, capture_output=True, text=True)
    assert ran.returncode == 0, (words, ran.stdout, ran.stderr)
    return ran.stdout


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A home, and the port of its bucket."""
    (port,) = free_ports(1)
    throng(tmp_path, "init home")
    serving = subprocess.Popen(
        ["env", "--default-signal=INT", *THRONG, "s3", "example-insights", "--port", str(port)],
        cwd=tmp_path / "home",
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert serving.stderr
        assert f"http://127.0.0.1:{port}" in serving.stderr.readline()
        yield tmp_path / "home", port
    finally:
        serving.send_signal(signal.SIGINT)
        assert serving.wait(20) == 0


def test_a_first_delivery_needs_one_machine_and_is_verified_by_the_exported_key(bucket: tuple[Path, int]) -> None:
    home, port = bucket
    client = home / "client.toml"
    lines = re.sub(r"# profile = .*", 'profile = "example"', client.read_text())
    client.write_text(re.sub(r"# endpoint_url = .*", f'endpoint_url = "http://127.0.0.1:{port}"', lines))
    day = next((home / "landing" / "events").glob("date=*")).name.removeprefix("date=")
    keys = {"AWS_SHARED_CREDENTIALS_FILE": str(home / "s3" / "credentials")}
    throng(home, f"ingest {day}")
    throng(home, f"publish footfall {day}")
    throng(home, "client apply client.toml")
    throng(home, "client check example", **keys)
    said = throng(home, "keys export client-key.pem")
    delivered = throng(home, f"deliver example footfall {day}", **keys)
    assert (home / "client-key.pem").read_text() == (home / "throng-public.pem").read_text()
    assert "client-key.pem" in said
    location = re.search(r"throng verify (s3://\S+)", delivered)
    assert location
    way = {**keys, "AWS_PROFILE": "example", "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}
    assert day in throng(home, f"verify {location[1]} --public-key client-key.pem", **way)
