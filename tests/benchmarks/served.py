"""What flow runs of `throng serve` cost beside the same commands without Prefect, in an equal home: one day, and ten.

`python -m tests.benchmarks.served`: CPU-seconds of whole process trees, after a first day has compiled the kernels.
The served figure is what all of `throng serve` uses, less what it used while idle in the seconds before.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from signal import SIGTERM

from tasks.loopback import free_ports
from tests.benchmarks.__main__ import DAY, ROOT
from tests.benchmarks.startup import SUBSCRIBERS, home, throng, used_by_tree
from tests.served import Served

IDLE_SECONDS, BETWEEN_LOOKS_SECONDS, LAST_SECONDS = 15, 2, 3
"""How long idleness is measured; how often a run is looked at, which costs the server; when its worker is done too."""
WARM, ONE, FIRST, LAST = (DAY + timedelta(n) for n in (0, 1, 2, 11))
COMMANDS: Mapping[str, tuple[str, dict[str, str]]] = {
    "one day": ("daily", {"day": str(ONE)}),
    "ten days": ("backfill", {"first": str(FIRST), "last": str(LAST)}),
}


@contextmanager
def serving(settings: Mapping[str, str]) -> Iterator[Served]:
    """`throng serve` in a home, without its schedule."""
    folder, landing = Path(settings["THRONG_HOME"]), Path(settings["THRONG_LANDING"])
    served = Served(folder, landing, free_ports(1)[0], settings={**settings, "NUMBA_CACHE_DIR": str(ROOT / "kernels")})
    served.start()
    try:
        for name in ("daily", "expire"):
            served.post(f"/deployments/{served.deployment(name)['id']}/pause_deployment", {})
        yield served
    finally:
        served.signal(SIGTERM)


def as_flow_run(served: Served, flow: str, **parameters: str) -> float:
    """CPU-seconds of a flow run: of server, workers and the run itself, above those of an idle server."""
    assert served.process
    everything = served.process.pid
    start = used_by_tree(everything)
    time.sleep(IDLE_SECONDS)
    before, began = used_by_tree(everything), time.monotonic()
    run = served.ask(flow, **parameters)
    while (state := served.run(run)["state_type"]) in ("SCHEDULED", "PENDING", "RUNNING"):
        time.sleep(BETWEEN_LOOKS_SECONDS)
    if state != "COMPLETED":
        sys.exit(f"{flow} ended as {state}, see {served.home}.")
    time.sleep(LAST_SECONDS)
    idle = (before - start) / IDLE_SECONDS * (time.monotonic() - began)
    return used_by_tree(everything) - before - idle


def main() -> None:
    """Measure in turn, and print a table."""
    ROOT.mkdir(parents=True, exist_ok=True)
    with home("plain") as plain, home("served") as other, serving(other) as served:
        throng(plain, "daily", str(WARM))  # compiles the kernels
        as_flow_run(served, "daily", day=str(WARM))
        print(f"{SUBSCRIBERS} subscribers, load {os.getloadavg()[0]:.1f} at the beginning, {os.cpu_count()} cores\n")
        for name, (flow, parameters) in COMMANDS.items():
            plainly, as_run = throng(plain, flow, *parameters.values()), as_flow_run(served, flow, **parameters)
            print(f"{name:>9} {plainly:6.1f} CPU-s plainly, {as_run:6.1f} served: {as_run / plainly:.1f} times")


if __name__ == "__main__":
    main()
