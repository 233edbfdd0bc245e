"""A small city, its last three days, a real S3 server, and the command line in a home of its own."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.period import Cadence
from tasks.products.registry import published
from tasks.services.client_file import client_file
from tasks.services.s3 import S3Server, serve
from tasks.simulate import SimulationPlan, simulate
from tests.few_products import LEFT_OUT, policy_of_two
from tests.plain_validator import judge_plainly

DAY = date(2026, 3, 3)
NOW = datetime.now(ZoneInfo("Europe/Berlin"))
FIRST = NOW.date() - timedelta(days=3)
DAYS = [str(FIRST + timedelta(days=n)) for n in range(3)]
DAILY = sum(Cadence.DAY in product.cadences for product in published(LEFT_OUT))
"""Releases of a day."""


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    document: dict[str, Any]
    text: str
    """The document as it was written, and what stood beside it on stderr."""


@dataclass(frozen=True)
class Throng:
    """The command line in one home, with its landing."""

    home: Path
    landing: Path

    def __call__(self, *words: str) -> Said:
        ran = CliRunner().invoke(app, [*words, "--json"])
        return Said(ran.exit_code, json.loads(ran.stdout or "{}"), ran.stdout + ran.stderr)

    def text(self, *words: str) -> str:
        """What people read."""
        ran = CliRunner().invoke(app, list(words))
        assert ran.exit_code == 0, ran.stderr
        return ran.stdout

    def lake_files(self) -> list[str]:
        """What rests in the lake under its final name."""
        lake = self.home / "lake"
        unfinished = ("staging", ".unfinished")
        files = (path.relative_to(lake) for path in lake.rglob("*") if path.is_file())
        return sorted(str(path) for path in files if path.parts[0] not in unfinished)


def done(said: Said) -> Counter[tuple[str, str]]:
    return Counter((result["verb"], result["outcome"]) for result in said.document["results"])


def states_of_days(plan: dict[str, Any]) -> set[str]:
    """The states of the days' releases; a week or month that ends among the days waits for its others."""
    return {cell["state"] for cell in plan["cells"] if cell["period"] in DAYS}


def charged(throng: Throng) -> Counter[str]:
    """How often each release was charged."""
    months = {day[:7] for day in DAYS}
    return Counter(c["release"] for m in months for c in throng("budget", "--month", m).document.get("charges", []))


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing folder of one day: 4,000 subscribers, 12 zones, four Parquet files."""
    root = tmp_path_factory.mktemp("city") / "landing"
    simulate(root, SimulationPlan(4_000, 1, DAY, seed=11, zones=12, rate=30, opt_in=0.9))
    return root


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server with one client's bucket."""
    with serve(tmp_path_factory.mktemp("s3"), {"nordmarkt": "nordmarkt-insights", "other": "other-bucket"}) as server:
        yield server


@pytest.fixture
def plain_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs of this process judge by the plain validator."""
    judge_plainly(monkeypatch)


@pytest.fixture
def throng(city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Throng:
    """The command line with a fresh home and a landing of its own."""
    landing = tmp_path / "landing"
    shutil.copytree(city, landing, copy_function=shutil.copy2)
    for name in ("LAKE", "DATABASE_URL", "ENGINE", "MEMORY_LIMIT"):
        monkeypatch.delenv(f"THRONG_{name}", raising=False)
    (tmp_path / "policy.toml").write_text(policy_of_two())
    monkeypatch.setenv("THRONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("THRONG_LANDING", str(landing))
    monkeypatch.setenv("THRONG_POLICY", str(tmp_path / "policy.toml"))
    monkeypatch.chdir(tmp_path)
    return Throng(tmp_path / "home", landing)


@pytest.fixture
def client(throng: Throng, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Applies the client's file, with words of it replaced."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(s3.credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    def apply(replaced: str = "", by: str = "") -> Said:
        prefix = throng.home.parent.name.replace("_", "-")
        text = client_file("nordmarkt", "nordmarkt-insights", s3.endpoint_url, DAY, DAY, prefix=prefix)
        file = throng.home.parent / "nordmarkt.toml"
        file.write_text(text.replace(replaced, by) if replaced else text)
        return throng("client", "apply", str(file))

    return apply


@pytest.fixture(scope="session")
def last_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing folder of the last three days: 1,200 subscribers."""
    root = tmp_path_factory.mktemp("last-days") / "landing"
    simulate(root, SimulationPlan(1_200, 3, FIRST, seed=5, zones=12, rate=20, opt_in=0.9))
    return root


@pytest.fixture
def three_days(throng: Throng, last_days: Path, plain_gates: None, monkeypatch: pytest.MonkeyPatch) -> Throng:
    """The command line after an outage of three days; plans are made at one moment, even if tests pass midnight."""
    monkeypatch.setattr("tasks.release.utc_now", lambda: NOW.astimezone(UTC))
    shutil.rmtree(throng.landing)
    shutil.copytree(last_days, throng.landing, copy_function=shutil.copy2)
    return throng


@pytest.fixture
def apply(three_days: Throng, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Applies a client that may have all three days, from its own folder of the bucket."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(s3.credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    def client(name: str, bucket: str = "nordmarkt-insights") -> Said:
        prefix = f"{three_days.home.parent.name.replace('_', '-')}-{name}"
        text = client_file("nordmarkt", bucket, s3.endpoint_url, FIRST, NOW.date() - timedelta(days=1), prefix=prefix)
        file = three_days.home.parent / f"{name}.toml"
        file.write_text(text.replace('name = "nordmarkt"', f'name = "{name}"'))  # who writes under the same profile
        return three_days("client", "apply", str(file))

    return client
