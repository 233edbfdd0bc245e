"""A city with two clients since 2 March 2026."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tasks.period import Period
from tasks.status import Status, status
from tasks.store.tables import DeliveryState
from tests.integration.plan.world import World, noon

FIRST = date(2026, 3, 2)
CLIENTS = ("nordmarkt", "stadtlicht")


def day(number: int) -> date:
    """So many days after the first."""
    return FIRST + timedelta(days=number)


def in_the_lake(world: World, *days: date) -> None:
    """Landed and ingested."""
    for one in days:
        world.file(one)
        world.ingested(one)


def sent(world: World, one: date, *states: DeliveryState) -> None:
    """Landed, ingested, released, and sent to the clients, in time."""
    in_the_lake(world, one)
    key = world.released("footfall", Period.day(one))
    for client, state in zip(CLIENTS, states or [DeliveryState.DELIVERED] * 2, strict=False):
        world.delivered(client, key, state)


def stands(world: World, on: date, days: int = 35) -> Status:
    """How it stands at noon."""
    return status(world.stores, noon(on), days)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World.new(tmp_path)
    for name in CLIENTS:
        made.client(name, FIRST)
    return made
