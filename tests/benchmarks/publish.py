"""What publishing every product of a day costs, by panel size: `python -m tests.benchmarks.publish 250e3 1e6`.

Each figure is of a `throng publish` of its own, the refresh of eligible persons included. Week and month hold one day.
"""

import os
import shutil
import sys
from pathlib import Path

from tasks.period import Cadence, Period
from tasks.products import registry
from tasks.products.spec import DataProduct
from tasks.simulate import SimulationPlan, simulate
from tests.benchmarks.__main__ import DAY, ROOT, Used, used_by

SUBSCRIBERS_A_MEMBER = 1.65
"""At an opt-in share of 80 %: minors, business lines and foreign networks are no members."""
EVENTS = 30


def landing(members: int) -> Path:
    """A simulated day of about so many members, kept for the next benchmark."""
    path = ROOT / f"publish-{members:.0e}"
    if not (path / "done").exists():
        shutil.rmtree(path, ignore_errors=True)
        subscribers = int(members * SUBSCRIBERS_A_MEMBER)
        simulate(path, SimulationPlan(subscribers, 1, DAY, seed=5, zones=180, rate=EVENTS, opt_in=0.8))
        shutil.rmtree(path / "truth")
        (path / "done").touch()
    return path


def throng(path: Path, home: Path, *words: str) -> Used:
    """A command in a process of its own."""
    return used_by("tests.benchmarks.one_day", *words, THRONG_HOME=str(home), THRONG_LANDING=str(path))


def measured(path: Path, home: Path) -> dict[str, Used]:
    """Every drawn product of the day's periods, in a home that has ingested the day."""
    shutil.rmtree(home, ignore_errors=True)
    found = {"ingest": throng(path, home, "ingest", str(DAY))}
    for part in registry.published():
        if isinstance(part, DataProduct):
            (cadence,) = part.cadences
            period = str(Period.holding(Cadence(cadence), DAY))
            found[f"{part.name} {cadence}"] = throng(path, home, "publish", part.name, period)
    return found


def main(sizes: list[str]) -> None:
    ROOT.mkdir(parents=True, exist_ok=True)
    for size in sizes or ["250e3"]:
        home, load = ROOT / "publish-home", os.getloadavg()[0]
        found = measured(landing(int(float(size))), home)
        panel = _panel(home)
        print(f"\n{panel:,.0f} members (noisy), load {load:.1f} at the beginning\n")
        print("| step | CPU-s | wall s | peak GB |\n|---|---:|---:|---:|")
        for step, used in found.items():
            print(f"| {step} | {used.cpu_s:.1f} | {used.wall_s:.1f} | {used.peak_gb:.2f} |")
        shutil.rmtree(home)


def _panel(home: Path) -> float:
    """Panel size as the month's release states it."""
    import pyarrow.parquet as pq

    (release,) = (home / "lake" / "releases" / "panel").rglob("*.parquet")
    return float(sum(pq.read_table(release, columns=["value"])["value"].to_pylist()))


if __name__ == "__main__":
    main(sys.argv[1:])
