"""Each state of a plan against the plainest reading of its definition, for whatever may have happened to a day."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.period import Period
from tasks.plan import Mode, State
from tasks.store.tables import DeliveryState, ReleaseState
from tests.integration.plan.world import World, noon

FAR = date(2000, 1, 3)
DAYS = 3
_numbers = count()

day_histories = st.fixed_dictionaries(
    {
        "landing": st.sampled_from(["absent", "open", "closed", "grown", "changed", "cleared"]),
        "ingest": st.sampled_from(["never", "in the lake", "again", "rejected", "failed"]),
        "release": st.sampled_from(["none", "failed", *ReleaseState]),
        "delivery": st.sampled_from(["none", "failed", "of an earlier revision", *DeliveryState]),
        "key": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="throng-plan-"))
    made = World.new(folder)
    made.client("nordmarkt", date(2000, 1, 1))
    yield made
    shutil.rmtree(folder)


def happened(world: World, day: date, history: dict[str, Any]) -> None:
    """Write a day's history into landing and books, as far as it can have happened."""
    in_lake = history["ingest"] in ("in the lake", "again")
    if history["landing"] != "absent" or history["ingest"] != "never":
        world.file(day)
    if history["ingest"] == "rejected":
        world.rejected(day)
    if history["ingest"] == "failed":
        world.failed("ingest", str(day))
    if in_lake:
        world.ingested(day)
        drawn(world, day, history)
    if history["ingest"] == "again":
        world.ingested(day)
    if history["landing"] == "grown":
        world.file(day, "late.csv")
    if history["landing"] == "changed":
        world.file(day, size=11)
    if history["landing"] in ("absent", "cleared"):
        shutil.rmtree(world.stores.settings.landing_root / "events" / f"date={day}", ignore_errors=True)
    if in_lake and not history["key"]:
        (world.stores.settings.keys_root / "pseudonym" / f"day-{day}.key").unlink()


def drawn(world: World, day: date, history: dict[str, Any]) -> None:
    release, delivery, period = history["release"], history["delivery"], Period.day(day)
    if release == "failed":
        world.failed("publish", f"footfall {day}")
    if release not in ReleaseState.__members__.values():
        return
    key = world.released("footfall", period, release)
    if release is not ReleaseState.PUBLISHED:
        return
    if delivery == "failed":
        world.failed("deliver", f"nordmarkt footfall {day}")
    elif delivery == "of an earlier revision":
        world.delivered("nordmarkt", key)
        world.released("footfall", period)
    elif delivery != "none":
        world.delivered("nordmarkt", key, delivery)


def expected(history: dict[str, Any], closed: bool) -> tuple[State, State, State]:
    """Ingest, release and delivery by the definitions alone."""
    ingest = expected_ingest(history, closed)
    release = expected_release(history, ingest)
    if history["ingest"] not in ("in the lake", "again") or history["release"] is not ReleaseState.PUBLISHED:
        return ingest, release, release
    sent = {
        "none": State.MISSING,
        "failed": State.FAILED,
        "of an earlier revision": State.MISSING,
        DeliveryState.RENDERED: State.MISSING,
        DeliveryState.REFUSED: State.FAILED,
        DeliveryState.DELIVERED: release,
    }
    return ingest, release, sent[history["delivery"]]


def expected_ingest(history: dict[str, Any], closed: bool) -> State:
    if history["ingest"] in ("in the lake", "again"):
        return State.STALE if history["landing"] in ("grown", "changed") else State.DONE
    if history["landing"] in ("absent", "cleared") or not closed:
        return State.WAITING
    return State.MISSING if history["ingest"] == "never" else State.FAILED


def expected_release(history: dict[str, Any], ingest: State) -> State:
    if history["ingest"] not in ("in the lake", "again"):
        return ingest
    if history["release"] in ("none", "failed"):
        lost = not history["key"]  # its days have only just been ingested
        return State.FAILED if lost or history["release"] == "failed" else State.MISSING
    if history["release"] is ReleaseState.RESERVED:
        return State.MISSING if history["key"] else State.FAILED
    if history["release"] is ReleaseState.STAGED:
        return State.MISSING
    if history["release"] is ReleaseState.RECALLED:
        return State.IMPOSSIBLE
    return State.STALE if history["ingest"] == "again" or ingest is State.STALE else State.DONE


@given(st.lists(day_histories, min_size=DAYS, max_size=DAYS))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_plan_says_of_each_day_what_its_definition_says(world: World, histories: list[dict[str, Any]]) -> None:
    first = FAR + timedelta(days=10 * next(_numbers))
    days = [first + timedelta(days=n) for n in range(DAYS)]
    for day, history in zip(days, histories, strict=True):
        happened(world, day, history)
    plan = world.plan(days[0], days[-1], noon(days[-1] + timedelta(days=1)), product="footfall")
    found = {step.key: step.state for step in plan.steps}
    for day, history in zip(days, histories, strict=True):
        states = (
            found["ingest", str(day)],
            found["publish", f"footfall {day}"],
            found["deliver", f"nordmarkt footfall {day}"],
        )
        assert states == expected(history, closed=True), (day, history)
    check_modes(world, days, plan.mode or Mode.MISSING)


def check_modes(world: World, days: list[date], mode: Mode) -> None:
    """`failed` is a part of `missing`, and `missing` of `all`; nothing that is drawn is ever drawn again."""
    now = noon(days[-1] + timedelta(days=1))
    due = {m: {s.key for s in world.plan(days[0], days[-1], now, m, product="footfall").due} for m in Mode}
    assert due[Mode.FAILED] <= due[Mode.MISSING] <= due[Mode.ALL]
    drawn_ones = {("publish", f"footfall {r.period}") for r in world.stores.ledger.releases() if r.state == "published"}
    assert not due[Mode.ALL] & drawn_ones
