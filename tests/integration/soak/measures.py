"""What processes and homes hold after a run, and whether a series of it is flat."""

import csv
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

KB = 1024
Sample = Mapping[str, float]


def open_files(pid: int | str = "self") -> int:
    """Handles of a process: files, pipes and sockets; what looks is not counted."""
    handles = list(Path(f"/proc/{pid}/fd").iterdir())
    return len(handles) - (pid in ("self", os.getpid()))


def of_process(pid: int | str = "self") -> dict[str, float]:
    """Open files, threads, memory in MB and children of a process."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "open files": open_files(pid),
        "threads": int(status["Threads"]),
        "children": len(children(pid)),
        "MB": int(status["VmRSS"].split()[0]) // KB,
        "most MB": int(status["VmHWM"].split()[0]) // KB,
    }


def children(pid: int | str) -> list[int]:
    """The processes that any thread of this one started."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found += map(int, (thread / "children").read_text().split())
    return found


def of_home(home: Path) -> dict[str, float]:
    """What rests in a home: sizes in kB, and how much is left over that no run needs any more."""
    unfinished = [home / "lake" / "staging", home / "lake" / ".unfinished", home / "scratch" / "landing"]
    return {
        "log kB": size(home / "logs" / "throng.jsonl"),
        "left over": sum(path.is_file() for folder in unfinished for path in folder.rglob("*")),
        "scratch": sum(path.is_file() for path in (home / "scratch").rglob("*")),
    }


def size(*files: Path) -> float:
    """Of all files that exist, in kB."""
    return sum(file.stat().st_size for file in files if file.exists()) / KB


@dataclass
class Series:
    """Samples by the number of the run after which they were taken."""

    samples: list[Sample] = field(default_factory=list)

    def of(self, name: str, share: float = 2 / 3) -> tuple[list[float], list[float]]:
        """Run numbers and values of one measure over the last part of the runs."""
        begin = self.samples[-1]["run"] * (1 - share)
        kept = [sample for sample in self.samples if sample["run"] >= begin]
        return [sample["run"] for sample in kept], [sample[name] for sample in kept]

    def slope(self, name: str, share: float = 2 / 3) -> float:
        """Growth a run, by least squares."""
        return float(statistics.linear_regression(*self.of(name, share)).slope)

    def drift(self, name: str) -> float:
        """By how much the fitted line rises over the last two thirds."""
        runs, _ = self.of(name)
        return self.slope(name) * (runs[-1] - runs[0])

    def growing(self, most: Mapping[str, float]) -> dict[str, float]:
        """Measures whose fitted line rises by more than they may over the last two thirds."""
        return {name: round(self.drift(name), 2) for name, limit in most.items() if self.drift(name) > limit}

    def write(self, path: Path) -> None:
        """As CSV."""
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, list(self.samples[0]))
            table.writeheader()
            table.writerows(self.samples)

    def table(self, names: Iterable[str]) -> str:
        """First, middle and last sample, and the growth per 100 runs over the last two thirds."""
        chosen = [self.samples[0], self.samples[len(self.samples) // 2], self.samples[-1]]
        head = ["", *(f"run {sample['run']:.0f}" for sample in chosen), "growth in 100 runs"]
        lines = [[name, *(_short(s[name]) for s in chosen), f"{100 * self.slope(name):+.2f}"] for name in names]
        return "\n".join("| " + " | ".join(f"{cell:>18}" for cell in line) + " |" for line in (head, *lines))


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def unequal(samples: Sequence[Sample], names: Iterable[str]) -> dict[str, set[float]]:
    """Measures that are not the same in all samples."""
    found = {name: {sample[name] for sample in samples} for name in names}
    return {name: values for name, values in found.items() if len(values) > 1}
