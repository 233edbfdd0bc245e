"""A tiny city on its way from landing to bucket: one home for each step."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.services.s3 import serve
from tasks.simulate import SimulationPlan, simulate
from tests.forked import Forks
from tests.integration.verbs.acting import DAY
from tests.integration.verbs.books import Ended
from tests.integration.verbs.place import Place


@pytest.fixture(scope="session")
def beside_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("verbs")
    simulate(root / "landing", SimulationPlan(30, 1, DAY, seed=11, zones=12, rate=20, opt_in=0.9))
    with serve(root / "s3", {"nordmarkt": "nordmarkt-insights"}) as server:
        warm = Forks({"AWS_SHARED_CREDENTIALS_FILE": str(server.credentials), "AWS_CONFIG_FILE": os.devnull})
        yield Place(warm, root, root / "landing", server.endpoint_url)


@pytest.fixture(scope="session")
def places(beside_sqlite: Place) -> dict[str, Place]:
    """By database, for the whole session: of two files one by one, each asks for both."""
    return {"sqlite": beside_sqlite}


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, places: dict[str, Place], tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same on both databases."""
    if request.param not in places:
        root, server = tmp_path_factory.mktemp("verbs-postgresql"), request.getfixturevalue("postgresql")
        places[request.param] = replace(places["sqlite"], root=root, server=server)
    return places[request.param]


@pytest.fixture(scope="session")
def empty(place: Place) -> Path:
    return place.empty


@pytest.fixture(scope="session")
def ingested(place: Place) -> tuple[Path, Ended]:
    return place.ingested


@pytest.fixture(scope="session")
def published(place: Place) -> tuple[Path, Ended]:
    return place.published
