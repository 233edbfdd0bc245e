"""Day after day in one process that never ends: nothing that a run opens or leaves behind adds up."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.services import postgres
from tasks.services.s3 import S3Server
from tests.integration.soak.conftest import FIRST, RUNS, client
from tests.integration.soak.measures import Series

ROOT = Path(__file__).parents[3]
HELD = ("open files", "threads", "children", "connections", "left over", "scratch")
MOST_DRIFT = dict.fromkeys(HELD, 0.5) | {"threads": 2, "MB": 60, "most MB": 60}
"""By how much a fitted line may rise over the last two thirds; a leak of one a run would make it rise by 200.

Memory is flat once SQLAlchemy's caches of statements are full, which are bounded: after about 150 runs. A sample may
meet one or two threads that are just ending, and libraries' pools start one more when they first need it.
"""

MOST_KB_A_RUN = 48


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path, landing: Path, bucket: S3Server) -> dict[str, str]:
    """A home with a client, beside either database."""
    own = {
        "THRONG_HOME": str(tmp_path / "home"),
        "THRONG_LANDING": str(landing),
        "AWS_SHARED_CREDENTIALS_FILE": str(bucket.credentials),
        "AWS_CONFIG_FILE": os.devnull,
    }
    if request.param == "postgresql":
        own["THRONG_DATABASE_URL"] = postgres.database(request.getfixturevalue("postgresql"), f"soak_{os.getpid()}")
    file = tmp_path / "nordmarkt.toml"
    file.write_text(client(tmp_path.name.replace("_", "-"), bucket))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "THRONG_"))}
    subprocess.run(_python("flows.cli", "client", "apply", str(file)), env=kept | own, check=True, cwd=ROOT)
    return kept | own


def _python(module: str, *words: str) -> list[str]:
    return [sys.executable, "-m", module, *words]


def _done(environment: Mapping[str, str], file: Path) -> Series:
    words = _python("tests.integration.soak.days", str(FIRST), str(RUNS), str(max(1, RUNS // 60)))
    series = Series()
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as days:
        assert days.stdout
        for line in days.stdout:
            series.samples.append(json.loads(line))
            series.write(file)
    assert days.returncode == 0
    return series


@pytest.mark.soak
def test_three_hundred_days_in_one_process_hold_no_more_than_a_hundred(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    series = _done(environment, tmp_path / "days.csv")
    shown = [name for name in series.samples[0] if name != "run"]
    print(f"\n{series.table(shown)}\nall samples: {tmp_path / 'days.csv'}")
    assert not series.growing(MOST_DRIFT)
    assert 0 < series.slope("catalog kB") < MOST_KB_A_RUN
    a_page = 8  # in which both databases grow
    assert series.slope("catalog kB", 1 / 3) < 1.3 * series.slope("catalog kB") + a_page  # as many rows each run
