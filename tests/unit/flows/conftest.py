"""A home of its own for each test of the command line."""

from datetime import date
from pathlib import Path

import pytest

from tests.promise.landing import consent, person, seen, write_events, write_network, write_people


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
    """A landing folder with a file of every kind, and one day."""
    root, day, people = home.parent / "landing", date(2026, 3, 1), [f"49151{n:07d}" for n in range(4)]
    write_network(root)
    write_people(root, [person(one) for one in people], [consent(one) for one in people])
    write_events(root, day, [row for one in people for row in seen(one, day)])
    monkeypatch.setenv("THRONG_LANDING", str(root))
    return root
