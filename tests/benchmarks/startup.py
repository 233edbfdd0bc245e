"""What a small day costs, most of it start-up: each verb alone, and a day as flow runs beside the same work plainly.

`python -m tests.benchmarks.startup`: CPU-seconds of whole processes, after a first day has compiled the kernels.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from flows.serving.prefect_server import prefect_server, wait_until_up
from tasks.services.client_file import client_file
from tasks.services.s3 import serve
from tasks.simulate import SimulationPlan, simulate
from tests.benchmarks.__main__ import DAY, ROOT, used_by

SUBSCRIBERS, DAYS, CLIENT, BUCKET = 400, 12, "nordmarkt", "nordmarkt-insights"
WARM, ALONE, PLAIN, FLOW = (DAY + timedelta(n) for n in range(4))
FLOW_RUNS, SERVER = "daily as flow runs", "Prefect's server meanwhile"
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def home(name: str) -> Iterator[Mapping[str, str]]:
    """A new home with a client and a real S3 server: the settings of its commands."""
    folder, landing = ROOT / name, ROOT / f"landing-startup-{DAYS}"
    shutil.rmtree(folder, ignore_errors=True)
    if not landing.exists():
        simulate(landing, SimulationPlan(SUBSCRIBERS, DAYS, DAY, seed=1, zones=14))
    with serve(folder / "s3", {CLIENT: BUCKET}) as s3:
        own = {"THRONG_HOME": str(folder), "THRONG_LANDING": str(landing), "AWS_CONFIG_FILE": os.devnull}
        own["AWS_SHARED_CREDENTIALS_FILE"] = str(s3.credentials)
        file = folder / "client.toml"
        file.write_text(client_file(CLIENT, BUCKET, s3.endpoint_url, DAY))
        throng(own, "client", "apply", str(file))
        yield own


def throng(settings: Mapping[str, str], *words: str) -> float:
    """CPU-seconds of a command."""
    return used_by("flows.cli", *words, **settings).cpu_s


def verbs(settings: Mapping[str, str], day: date) -> dict[str, float]:
    """CPU-seconds of the three verbs of a day."""
    return {
        "ingest": throng(settings, "ingest", str(day)),
        "publish": throng(settings, "publish", "footfall", str(day)),
        "deliver": throng(settings, "deliver", CLIENT, "footfall", str(day)),
    }


def as_flow(settings: Mapping[str, str], day: date) -> dict[str, float]:
    """CPU-seconds of a day by flow runs: of the command, and of Prefect's server meanwhile."""
    with prefect_server(Path(settings["THRONG_HOME"])) as (config, server):
        wait_until_up(config.api, server)
        assert server.process
        before = used_by_tree(server.process.pid)
        command = throng({**settings, **config.settings()}, "daily", str(day))
        return {FLOW_RUNS: command, SERVER: used_by_tree(server.process.pid) - before}


def used_by_tree(pid: int) -> float:
    """CPU-seconds so far of a process, its children that live, and those that have ended (Linux)."""
    process = Path(f"/proc/{pid}")
    numbers = (process / "stat").read_text().rpartition(")")[2].split()
    children = [child for task in (process / "task").iterdir() for child in (task / "children").read_text().split()]
    return sum(map(int, numbers[11:15])) / TICKS + sum(used_by_tree(int(child)) for child in children)


def main() -> None:
    """Measure, and print a table."""
    ROOT.mkdir(parents=True, exist_ok=True)
    with home("startup") as settings:
        verbs(settings, WARM)  # compiles the kernels
        load = os.getloadavg()[0]
        used = verbs(settings, ALONE)
        used["daily plainly"] = throng(settings, "daily", str(PLAIN))
        used |= as_flow(settings, FLOW)
    print(f"{SUBSCRIBERS} subscribers, load {load:.1f} at the beginning, {os.cpu_count()} cores\n")
    for what, seconds in used.items():
        print(f"{what:>26} {seconds:6.2f} CPU-s")
    print(
        f"\nFlow runs cost {(used[FLOW_RUNS] + used[SERVER]) / used['daily plainly']:.1f} times the same day without."
    )


if __name__ == "__main__":
    main()
