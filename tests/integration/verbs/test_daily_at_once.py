"""Two `throng daily` at once, in processes of their own: each thing is done once, and the books are as after one."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.forked import Command
from tests.integration.verbs.acting import DAY, books
from tests.integration.verbs.books import Books
from tests.integration.verbs.homes import copied
from tests.integration.verbs.place import Place, check_bucket
from tests.integration.verbs.test_at_once import WAIT_SECONDS, command, held, wait_for

DAILY = ("daily", str(DAY))
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)]
pytestmark = pytest.mark.parametrize("place", DATABASES, indirect=True)


def said(process: Command) -> Any:
    """The document of a command that ends well."""
    code, document = process.answer(WAIT_SECONDS)
    assert code == 0, document
    return json.loads(document)


def like(place: Place, home: Path) -> Books:
    """Books without what the draw decides: two homes draw twice."""
    found: Books = place.warm(books, home, place.landing).books
    periods = [{**period, "digest": ""} for index in found.index.values() for period in index["periods"]]
    return replace(found, bucket=dict.fromkeys(found.bucket, ""), index={"periods": periods})


def test_two_daily_at_once_do_each_thing_once(place: Place, empty: Path) -> None:
    one, two = (copied(empty, Path(mkdtemp(dir=place.root)) / "daily") for _ in range(2))
    for home in (one, two):
        place.in_a_fresh_folder(home)
    assert said(command(place, one, DAILY))["outcome"] == "Reconciled"
    with held(two, f"day-{DAY}") as waiting:
        both = [command(place, two, DAILY) for _ in range(2)]
        wait_for(waiting, 2)
    done = Counter((result["verb"], result["outcome"]) for process in both for result in said(process)["results"])
    for verb, outcome in (("ingest", "Ingested"), ("publish", "Published"), ("deliver", "Delivered")):
        assert done[verb, outcome] == done[verb, f"Already{outcome}"] > 0, done
    assert like(place, two) == like(place, one)
    check_bucket(place, two, "two at once")
    assert said(command(place, two, DAILY))["outcome"] == "NothingToDo"
