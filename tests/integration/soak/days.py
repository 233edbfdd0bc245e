"""One long-lived process that does one day after the other, and measures itself; `python -m` runs it.

FIRST RUNS EVERY: a sample as a JSON line after every so many runs.
"""

import json
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta

import psycopg

from flows.inline import run_job
from flows.jobs import daily_job
from tasks.settings import Settings, load
from tests.integration.soak.measures import Sample, of_home, of_process, size


def samples(first: date, runs: int, every: int) -> Iterator[Sample]:
    """Do the days; raises if one is not done."""
    for number in range(1, runs + 1):
        started, cpu = time.monotonic(), time.process_time()
        report = run_job(daily_job(first + timedelta(days=number - 1)))
        outcomes = {result.outcome for result in report.results}
        assert outcomes == {"Ingested", "Published", "Delivered"}, [str(result) for result in report.results]
        del report
        cost = {"seconds": time.monotonic() - started, "CPU seconds": time.process_time() - cpu}
        if number % every == 0 or number == runs:
            yield {"run": number, **of_process(), **_of_books(load()), **cost}


def _of_books(settings: Settings) -> dict[str, float]:
    home, url = settings.home.absolute(), settings.database_url
    return {
        **of_home(home),
        **(_of_server(url) if url else {"connections": 0, "catalog kB": size(home / "catalog.db")}),
    }


def _of_server(url: str) -> dict[str, float]:
    """Connections to our database, but for the one that asks; and its size."""
    with psycopg.connect(url) as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        held = connection.execute(others).fetchone()
        took = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert held
    assert took
    return {"connections": held[0], "catalog kB": took[0] / 1024}


if __name__ == "__main__":
    first, runs, every = sys.argv[1:]
    for sample in samples(date.fromisoformat(first), int(runs), int(every)):
        print(json.dumps(sample), flush=True)
