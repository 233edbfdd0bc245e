"""Day after day in one process: a run gives back at once what it opened; `make soak` does it for hundreds of days."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.simulate import SimulationPlan, simulate
from tests.integration.soak.days import samples
from tests.integration.soak.measures import Sample, unequal
from tests.integration.verbs.acting import DAY, apply
from tests.integration.verbs.homes import database_url, new_home
from tests.integration.verbs.place import CLIENT, Place
from tests.plain_validator import judge_plainly

DAYS = 5


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("days") / "landing"
    simulate(root, SimulationPlan(30, DAYS, DAY, seed=11, zones=12, rate=20, opt_in=0.9))
    return root


def day_after_day(home: Path, landing: Path) -> list[Sample]:
    """In a process that collects no garbage: what waits for that, stays. One database is enough for the real gates."""
    os.environ |= {"THRONG_HOME": str(home), "THRONG_LANDING": str(landing)}
    os.environ["THRONG_POLICY"] = str(home / "policy.toml")
    if url := database_url(home):
        os.environ["THRONG_DATABASE_URL"] = url
        judge_plainly(pytest.MonkeyPatch())
    return list(samples(DAY, DAYS, 1))


def test_a_run_gives_back_at_once_what_it_opened(place: Place, landing: Path) -> None:
    home = place.root / "days"
    new_home(home, place.server)
    text = CLIENT.format(prefix=f"{place.root.name}-days", endpoint=place.endpoint_url, formats='"parquet", "csv"')
    last = DAY + timedelta(days=DAYS)
    place.warm(apply, home, landing, text.replace(f"until = {DAY}", f"until = {last}"))
    later = place.warm(day_after_day, home, landing)[DAYS // 3 :]
    assert not unequal(later, ["open files", "connections", "children", "left over", "scratch"])
    threads = [sample["threads"] for sample in later]
    a_thread_a_run = len(threads) - 1  # a library's pool may start one more, or one take a moment to end
    assert max(threads) - min(threads) < a_thread_a_run, threads
