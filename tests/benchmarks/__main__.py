"""How fast a day's ingest is, beside a bare scan and plain SQL of the same files: `make bench SIZES="5e6 20e6"`.

Every figure is of a process of its own. What the command costs on a day of a thousand events is its start-up
(imports, database, gate): inside cpu_s and wall_s, outside the speed. Kernels are compiled before; landings stay in
.throng/bench for the next time.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tasks.simulate import SimulationPlan, simulate

DAY = date(2026, 3, 3)
ROOT = Path(os.environ.get("THRONG_HOME", ".throng")).absolute() / "bench"
EVENTS_A_SUBSCRIBER = 137
"""The mean of the simulator's heavy-tailed rates, whose median is 115."""
TINY = 1_000
COLUMNS = ("part", "CPU s", "wall s", "CPU/wall", "peak GB")


@dataclass(frozen=True)
class Used:
    """What a process used, and what it printed."""

    cpu_s: float
    wall_s: float
    peak_gb: float
    said: str


def landing(events: int) -> Path:
    """A simulated day of about so many events, kept for the next benchmark."""
    path = ROOT / f"landing-{events:.0e}"
    if not (path / "done").exists():
        shutil.rmtree(path, ignore_errors=True)
        subscribers = max(8, events // EVENTS_A_SUBSCRIBER)
        simulate(path, SimulationPlan(subscribers, 1, DAY, seed=5, zones=180))
        shutil.rmtree(path / "truth")
        (path / "done").touch()
    return path


def used_by(*words: str, **variables: str) -> Used:
    """Run a module of this package in a process of its own, to its end."""
    started = time.perf_counter()
    environment = {**os.environ, **variables, "NUMBA_CACHE_DIR": str(ROOT / "kernels")}
    command = [sys.executable, "-m", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}.")
    return Used(usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss / 1e6, said)


def ingest(path: Path) -> tuple[Used, dict[str, Any]]:
    """A day's ingest into an empty home."""
    home = ROOT / "home"
    shutil.rmtree(home, ignore_errors=True)
    used = used_by("tests.benchmarks.child", str(DAY), THRONG_HOME=str(home), THRONG_LANDING=str(path))
    shutil.rmtree(home)
    return used, json.loads(used.said)


def yardstick(what: str, path: Path) -> Used:
    """The same files by DuckDB alone."""
    out = ROOT / "sql"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    return used_by("tests.benchmarks.plain_sql", what, str(path), str(DAY), str(out))


def benchmark(events: int, start: Used) -> dict[str, Any]:
    """All figures of one size."""
    path, load = landing(events), os.getloadavg()[0]
    whole, said = ingest(path)
    scan, chain = yardstick("scan", path), yardstick("chain", path)
    parts, rows = said["parts"], said["rows_in"]
    net_cpu, net_wall = whole.cpu_s - start.cpu_s, whole.wall_s - start.wall_s
    return {
        "events": rows,
        "cpu_s": whole.cpu_s,
        "wall_s": whole.wall_s,
        "peak_gb": max(part["peak_gb"] for part in parts.values()),
        "scan_cpu_s": scan.cpu_s,
        "sql_cpu_s": chain.cpu_s,
        "load": load,
        "start_cpu_s": start.cpu_s,
        "start_wall_s": start.wall_s,
        "events_a_cpu_s": rows / net_cpu,
        "cpu_a_wall_s": net_cpu / net_wall,
        "times_scan": net_cpu / scan.cpu_s,
        "sql_times": chain.cpu_s / net_cpu,
        "sql_peak_gb": chain.peak_gb,
        "parts": parts,
    }


def show(result: dict[str, Any]) -> None:
    """One size as a table."""
    print(f"\n{result['events']:,} events, load {result['load']:.1f} at the beginning, {os.cpu_count()} cores\n")
    print("{:>14} {:>8} {:>8} {:>9} {:>8}".format(*COLUMNS))
    rows = {**result["parts"], "whole": result}
    for name, part in rows.items():
        busy = part["cpu_s"] / max(part["wall_s"], 1e-9)
        print(f"{name:>14} {part['cpu_s']:8.2f} {part['wall_s']:8.2f} {busy:9.2f} {part['peak_gb']:8.2f}")
    print(f"{'start-up apart':>14} {result['start_cpu_s']:8.2f} {result['start_wall_s']:8.2f}")
    print(
        f"\n{result['events_a_cpu_s'] / 1e6:.2f} million events a CPU-second, {result['cpu_a_wall_s']:.2f} CPU-seconds"
        f" a second (start-up apart); {result['times_scan']:.1f} times a bare scan ({result['scan_cpu_s']:.2f} CPU-s);"
        f" plain SQL needs {result['sql_times']:.1f} times as much"
        f" ({result['sql_cpu_s']:.2f} CPU-s, {result['sql_peak_gb']:.1f} GB)."
    )


def main(sizes: list[str]) -> None:
    ROOT.mkdir(parents=True, exist_ok=True)
    tiny = landing(TINY)
    ingest(tiny)  # compiles the kernels
    start, results = ingest(tiny)[0], []
    for size in sizes or ["5e6", "20e6"]:
        results.append(benchmark(int(float(size)), start))
        show(results[-1])
        (ROOT / "latest.json").write_text(json.dumps(results, indent=1))
    print(f"\nAlso in {ROOT / 'latest.json'}.")


if __name__ == "__main__":
    main(sys.argv[1:])
