"""What a run cost."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.store.tables import Run

COSTS = ("cpu_seconds", "bytes_read", "bytes_written", "s3_requests")


def costs(run: "Run") -> Mapping[str, float | int | None]:
    """A run's costs by name; None where they were not recorded, or are not known yet."""
    return {name: getattr(run, name) for name in COSTS}


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1_000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1_000
    return f"{count:,.1f} GB"
