"""A small city, a real S3 server, and the command line in a home of its own."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.services.client_file import client_file
from tasks.services.s3 import S3Server, serve
from tasks.simulate import SimulationPlan, simulate

DAY = date(2026, 3, 3)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    document: dict[str, Any]
    text: str


@dataclass(frozen=True)
class Throng:
    """The command line in one home, with its landing."""

    home: Path
    landing: Path

    def __call__(self, *words: str) -> Said:
        ran = CliRunner().invoke(app, [*words, "--json"])
        return Said(ran.exit_code, json.loads(ran.stdout or "{}"), ran.stderr)

    def lake_files(self) -> list[str]:
        """What rests in the lake under its final name."""
        lake = self.home / "lake"
        unfinished = ("staging", ".unfinished")
        files = (path.relative_to(lake) for path in lake.rglob("*") if path.is_file())
        return sorted(str(path) for path in files if path.parts[0] not in unfinished)


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
def throng(city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Throng:
    """The command line with a fresh home and a landing of its own."""
    landing = tmp_path / "landing"
    shutil.copytree(city, landing, copy_function=shutil.copy2)
    for name in ("LAKE", "DATABASE_URL", "POLICY", "ENGINE", "MEMORY_LIMIT"):
        monkeypatch.delenv(f"THRONG_{name}", raising=False)
    monkeypatch.setenv("THRONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("THRONG_LANDING", str(landing))
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
