"""A home of its own for each test of the command line."""

from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings, as the current one and as THRONG_HOME."""
    for name in ("LANDING", "LAKE", "DATABASE_URL", "POLICY", "ENGINE", "MEMORY_LIMIT"):
        monkeypatch.delenv(f"THRONG_{name}", raising=False)
    monkeypatch.setenv("THRONG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def landing(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A landing folder with a file of every kind."""
    root = home.parent / "landing"
    (root / "events" / "date=2026-03-01").mkdir(parents=True)
    for name in ("cells.parquet", "zones.geojson", "subscribers.csv", "consents.csv", "population.csv"):
        (root / name).touch()
    monkeypatch.setenv("THRONG_LANDING", str(root))
    return root
