"""What to do: each fault once, causes before what follows from them, with the command that mends it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tasks.alerts import Alert, AlertKind
from tasks.period import Period, clock
from tasks.plan.states import State
from tasks.settings import Settings
from tasks.status import ActionItem
from tasks.status.actions import action_items, out_of_view, silent
from tasks.store import open_stores
from tasks.store.tables import Delivery, DeliveryState
from tests.integration.plan.world import World
from tests.unit.status.conftest import CLIENTS, FIRST, day, in_the_lake, sent, stands

pytestmark = pytest.mark.usefixtures("few_products")

BERLIN = ZoneInfo("Europe/Berlin")

REFUSED = DeliveryState.REFUSED


def _told(found: tuple[ActionItem, ...]) -> list[tuple[str, int, int]]:
    return [(item.kind, len(item.subjects), len(item.holds_up)) for item in found]


def test_a_late_delivery_is_told_with_its_cause_not_beside_it(world: World) -> None:
    sent(world, day(0))
    world.file(day(1))
    world.rejected(day(1))
    found = stands(world, day(2))
    (item,) = found.action_items
    assert (found.verdict, found.late, item.subjects) == ("act", 2, ("ingest 2026-03-03",))
    assert item.what == "Too few rows. Try again."
    assert "throng ingest 2026-03-03" in item.action
    assert item.holds_up == ("nordmarkt footfall 2026-03-03", "stadtlicht footfall 2026-03-03")
    assert all(found.explains(target) for target in found.plan.targets if target.state != "done")


def test_one_bucket_that_fails_for_days_is_one_thing_to_do(world: World) -> None:
    for number in range(3):
        sent(world, day(number), DeliveryState.DELIVERED, REFUSED)
    (item,) = stands(world, day(3)).action_items
    assert item.subjects == tuple(f"deliver stadtlicht footfall {day(n)}" for n in range(3))
    assert item.holds_up == tuple(f"stadtlicht footfall {day(n)}" for n in range(3))
    assert "throng deliver stadtlicht footfall 2026-03-02" in item.action


def test_a_landing_that_is_overdue_comes_before_what_may_be_looked_at(world: World) -> None:
    for number in range(2):
        sent(world, day(number))
    world.file(day(1), "late.csv")
    found = stands(world, day(3))
    assert _told(found.action_items) == [("landing_overdue", 1, 2), ("release_stale", 1, 0)]
    assert [item.urgent for item in found.action_items] == [True, False]
    assert all(found.explains(target) for target in found.plan.targets if target.state != "done")


def test_what_is_only_to_be_looked_at_is_no_alarm(world: World) -> None:
    sent(world, day(0))
    world.file(day(0), "late.csv")
    found = stands(world, day(1))
    assert (found.verdict, found.late, _told(found.action_items)) == ("look", 0, [("release_stale", 1, 0)])


def test_what_the_next_daily_run_does_is_one_thing_for_all_who_wait(world: World) -> None:
    sent(world, day(0))
    in_the_lake(world, day(1))
    found = stands(world, day(2))
    (item,) = found.action_items
    assert item.subjects == ("nordmarkt footfall 2026-03-03", "stadtlicht footfall 2026-03-03")
    assert item.action.endswith("throng daily")
    assert found.due == 5, "one release, two deliveries, two indexes"


def test_what_is_older_than_the_schedule_looks_back_is_a_backfill(world: World) -> None:
    world.file(day(0))
    world.rejected(day(0))
    for number in range(1, 12):
        sent(world, day(number))
    found = stands(world, day(12))
    (item,) = found.action_items
    assert (found.verdict, found.late, item.kind, item.urgent) == ("look", 2, "out_of_view", False)
    assert item.subjects == ("nordmarkt footfall 2026-03-02", "stadtlicht footfall 2026-03-02")
    assert item.what == (
        "The schedule looks back 7 days, and no further than the first data. Failed: Too few rows. Try again."
    )
    assert item.action.endswith("throng backfill 2026-03-02 2026-03-02")


def test_days_that_never_came_are_to_be_sent_before_a_backfill_can_do_anything(world: World) -> None:
    for number in range(2, 4):
        sent(world, day(number))
    found = stands(world, day(4))
    (item,) = found.action_items
    assert (item.kind, len(item.subjects), found.late) == ("out_of_view", 4, 4)
    assert "The folder " in item.what
    assert item.action == (
        "Have the operator send the events of 2026-03-02 and 1 more day into the landing; "
        "after that: throng backfill 2026-03-02 2026-03-03"
    )


def test_what_a_backfill_can_do_is_told_apart_from_what_waits_for_its_landing(world: World) -> None:
    in_the_lake(world, day(0))
    world.file(day(1))
    world.rejected(day(1))
    for number in range(4, 14):
        sent(world, day(number))
    sends, does = sorted(
        (t for t in stands(world, day(14)).action_items if t.kind == "out_of_view"), key=lambda t: t.action
    )
    assert sends.subjects == tuple(f"{name} footfall {day(n)}" for n in (2, 3) for name in CLIENTS)
    assert "send the events of 2026-03-04 and 1 more day" in sends.action
    assert does.subjects == tuple(f"{name} footfall {day(1)}" for name in CLIENTS)
    assert does.action == "To have it done: throng backfill 2026-03-03 2026-03-03"


def test_what_the_budget_does_not_allow_is_not_said_to_be_had_by_a_backfill(world: World) -> None:
    target = replace(stands(world, day(3)).plan.targets[0], state=State.BLOCKED, why="Nothing is left.")
    (item,) = out_of_view([target], [], 7)
    assert "backfill" not in item.action
    assert "throng budget" in item.action


def test_warnings_of_one_rule_are_one_thing_to_look_at(world: World) -> None:
    warned = [
        Alert(AlertKind.GATE_WARNING, f"{rule} on {day(n)}", f"{rule} came {n} hours late.", "Ask.")
        for n in range(3)
        for rule in ("rows_low", "lateness_hours")
    ]
    late, low = action_items(warned, [])
    assert late.subjects == tuple(f"lateness_hours on {day(n)}" for n in range(3))
    assert late.what == "lateness_hours came 0 hours late."
    assert low.subjects == tuple(f"rows_low on {day(n)}" for n in range(3))


def test_a_landing_that_is_gone_is_the_first_thing_to_do_and_hides_nothing_else(world: World, tmp_path: Path) -> None:
    sent(world, day(0))
    (tmp_path / "landing").rename(tmp_path / "elsewhere")
    found = stands(world, day(3))
    assert (found.verdict, found.plan.targets) == ("act", ())
    assert (found.action_items[0].kind, found.action_items[0].urgent) == ("misconfigured", True)
    assert "is not a folder" in found.action_items[0].what
    assert found.delivery_health[0].newest == "2026-03-02"


def test_an_installation_in_which_nothing_ever_happened_is_new(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    stores = open_stores(Settings(home=tmp_path / "home", landing=str(tmp_path / "landing")))
    found = stands(World(stores), FIRST)
    assert (found.verdict, found.delivery_health, found.action_items, found.plan.targets) == ("new", (), (), ())


def test_kinds_come_in_the_order_in_which_they_are_mended() -> None:
    alerts = [Alert(kind, f"{kind} of nobody 2026-03-02", f"{kind}", "Mend it.") for kind in AlertKind]
    kinds = [item.kind for item in action_items(alerts, [])]
    assert kinds[:3] == [AlertKind.RUN_FAILED, AlertKind.LANDING_OVERDUE, AlertKind.DELIVERY_LATE]
    assert sorted(kinds) == sorted(AlertKind)


def test_what_is_done_is_held_up_by_nothing(world: World) -> None:
    sent(world, day(0))
    failed = Alert(AlertKind.RUN_FAILED, f"publish footfall {FIRST}", "It broke.", "Try again.")
    (item,) = action_items([failed], stands(world, day(1)).plan.targets)
    assert item.holds_up == ()


def test_a_schedule_that_has_run_and_runs_no_more_is_told(world: World) -> None:
    sent(world, day(0))
    assert stands(world, day(1)).verdict == "well", "whoever runs each verb by hand has no schedule"
    with world.stores.catalog.run("daily", "all that is due"):
        pass
    (run,) = world.stores.catalog.runs()
    assert silent(run, run.started + timedelta(hours=23), BERLIN) == []
    (item,) = silent(run, run.started + timedelta(hours=25), BERLIN)
    assert (item.kind, item.urgent) == ("schedule_silent", True)
    assert "throng serve" in item.action


def test_backfills_of_one_another_are_one_thing_to_go_on_with(world: World) -> None:
    sent(world, day(0))
    in_the_lake(world, *map(day, (1, 2, 3, 6)))
    for first, last in ((1, 1), (1, 2), (2, 3), (6, 6)):
        with world.stores.catalog.run("backfill", f"{day(first)} to {day(last)}") as run:
            run.outcome, run.exit_code, run.message = "Stopped", 130, f"Stopped before {day(last)}."
    one, other = (item for item in stands(world, day(7)).action_items if item.kind == "backfill_unfinished")
    assert (one.subjects, one.what) == (("2026-03-03 to 2026-03-05",), "Stopped before 2026-03-05.")
    assert one.action.endswith("throng backfill 2026-03-03 2026-03-05")
    assert other.subjects == ("2026-03-08 to 2026-03-08",)


def test_a_backfill_that_was_stopped_is_told_while_its_range_is_not_done(world: World) -> None:
    sent(world, day(0))
    in_the_lake(world, day(1))
    with world.stores.catalog.run("backfill", f"{day(0)} to {day(1)}") as run:
        begun = stands(world, day(2)).action_items[1]
        assert begun.what == f"It runs, since {clock(run.started, BERLIN)}."
        run.outcome, run.exit_code, run.message = "Stopped", 130, "Stopped after 3 of 6 steps."
    found = stands(world, day(2)).action_items
    assert [item.kind for item in found] == ["delivery_late", "backfill_unfinished"]
    assert found[1].what == "Stopped after 3 of 6 steps."
    assert found[1].action == "To go on where it stopped: throng backfill 2026-03-02 2026-03-03"
    key = world.released("footfall", Period.day(day(1)))
    for client in CLIENTS:
        world.delivered(client, key)
    assert stands(world, day(2)).action_items == ()


def test_a_delivery_that_shows_hardly_anything_is_to_be_looked_at_until_a_later_one_shows_more(world: World) -> None:
    sent(world, day(0))
    (delivery, *_) = world.stores.catalog.deliveries("nordmarkt")
    _withheld(world, delivery, 4_344)
    found = stands(world, day(1))
    (item,) = (item for item in found.action_items if item.kind == "mostly_withheld")
    assert (item.subjects, item.urgent) == ((f"nordmarkt footfall {day(0)}",), False)
    assert {line.client: line.withheld for line in found.delivery_health}["nordmarkt"] == 4_344 / 4_440
    sent(world, day(1))
    assert "mostly_withheld" not in {item.kind for item in stands(world, day(2)).action_items}


def _withheld(world: World, delivery: Delivery, withheld: int) -> None:
    with world.stores.catalog._database.writing() as session:
        row = session.get_one(Delivery, delivery.id)
        row.rows, row.withheld = 4_440, withheld
