"""`throng ingest DAY`, telling on stdout what each part of it cost: `python -m tests.benchmarks.child DAY`."""

import json
import sys
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

PARTS = {"walk": "prepare", "walk, read": "read", "walk, walk": "walk", "walk, write": "write months"}
"""What the steps of ingest report, in a reader's words; the others bear their own names."""


class Meter:
    """CPU, wall and peak memory of the parts, in the order in which they report themselves."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, float]] = {}
        self._now = "start"
        self._cpu, self._wall = 0.0, time.perf_counter()

    def hear(self, part: str, done: int, total: int) -> None:
        """A part reports: what was used until now belongs to the one before."""
        name = PARTS.get(part, part.partition(",")[0])
        if name != self._now:
            self.close()
            self._now = name

    def close(self) -> None:
        """End the current part."""
        cpu, wall = time.process_time(), time.perf_counter()
        entry = self.parts.setdefault(self._now, {"cpu_s": 0.0, "wall_s": 0.0, "peak_gb": 0.0})
        entry["cpu_s"] += cpu - self._cpu
        entry["wall_s"] += wall - self._wall
        entry["peak_gb"] = max(entry["peak_gb"], _peak_gb())
        self._cpu, self._wall = cpu, wall


def _peak_gb() -> float:
    """Peak resident memory since the last call (Linux), in GB."""
    status = Path("/proc/self/status").read_text()
    kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return kilobytes / 1e6


def main() -> None:
    meter = Meter()
    import flows.cli  # noqa: F401  what the command itself imports is a part of its start
    from flows.entrypoints import ingest
    from tasks.step import report_progress

    with report_progress(meter.hear):
        ref = ingest(date.fromisoformat(sys.argv[1]))
    meter.close()
    print(json.dumps({"rows_in": ref.rows_in, "rows_kept": ref.rows_kept, "parts": meter.parts}))


if __name__ == "__main__":
    main()
