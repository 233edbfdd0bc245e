"""A small city's last three hundred days, and a real S3 server; how many runs, `make soak RUNS=...` says."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tasks.services.client_file import client_file
from tasks.services.s3 import S3Server, serve
from tasks.simulate import SimulationPlan, simulate

RUNS = int(os.environ.get("RUNS") or 300)
LANDED = 310
FIRST = datetime.now(ZoneInfo("Europe/Berlin")).date() - timedelta(days=LANDED)
LAST = FIRST + timedelta(days=RUNS - 1)


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server with a client's bucket."""
    with serve(tmp_path_factory.mktemp("soak") / "s3", {"nordmarkt": "nordmarkt-insights"}) as server:
        yield server


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing folder that lacks no day until today, so that nobody is told of one: 300 subscribers, 12 zones."""
    root = tmp_path_factory.mktemp("soak") / "landing"
    simulate(root, SimulationPlan(300, LANDED, FIRST, seed=11, zones=12, rate=20, opt_in=0.9))
    return root


def client(prefix: str, bucket: S3Server) -> str:
    """The file of a client that may have the days that are run."""
    return client_file("nordmarkt", "nordmarkt-insights", bucket.endpoint_url, FIRST, LAST, prefix=prefix)
