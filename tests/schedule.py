"""Which test files one worker runs, and in which order: they share what takes seconds to start, and the longest begin.

Each worker has its own Prefect server, Great Expectations, server of forks, and homes for the verbs.
"""

from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]

TOGETHER = {
    "tests/end_to_end/test_serve.py": (),
    "forks": (
        "tests/integration/verbs/",
        "tests/integration/test_ledger.py",
        "tests/integration/test_locks.py",
        "tests/integration/test_stores.py",
    ),
    "prefect": (
        "tests/end_to_end/test_alerting.py",
        "tests/end_to_end/test_backfill.py",
        "tests/end_to_end/test_daily.py",
        "tests/end_to_end/test_flows.py",
        "tests/end_to_end/test_main_job.py",
        "tests/promise/test_nothing_personal_outside.py",
        "tests/unit/deliverable/test_gate.py",
        "tests/unit/events/test_gate.py",
        "tests/unit/flows/test_run_state.py",
        "tests/unit/flows/test_step.py",
        "tests/unit/serving/test_engine.py",
        "tests/unit/test_validation.py",
    ),
}
"""What a worker runs as one, by name, longest first; each other file is one by itself."""


def unit_of(test: str) -> str:
    """The name of what a test, or a file, is run with."""
    path = test.partition("::")[0]
    return next((name for name, paths in TOGETHER.items() if path.startswith(paths or name)), path)


def rank(path: str) -> int:
    """When a file begins: what takes longest first, as it would end alone."""
    first = list(TOGETHER)
    return first.index(unit) if (unit := unit_of(path)) in first else len(first)


class TogetherScheduling(LoadFileScheduling):  # type: ignore[misc]
    """One file at a time to each worker, but for files that share what they start."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
