"""Clients by the period of their data: how fresh, what comes next, what is late, what was in time."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tasks.period import Period
from tasks.store.audit import AuditEntry
from tests.integration.plan.world import World
from tests.unit.status.conftest import FIRST, day, in_the_lake, sent, stands

pytestmark = pytest.mark.usefixtures("few_products")


def test_freshness_is_of_the_data_and_what_comes_next_has_its_deadline(world: World) -> None:
    sent(world, day(0))
    found = stands(world, day(1))
    nordmarkt, stadtlicht = found.delivery_health
    assert (nordmarkt.client, stadtlicht.client) == ("nordmarkt", "stadtlicht")
    assert (nordmarkt.newest, nordmarkt.newest_end) == ("2026-03-02", datetime(2026, 3, 2, 23, tzinfo=UTC))
    assert (nordmarkt.next, nordmarkt.next_by) == ("2026-03-03", datetime(2026, 3, 4, 8, tzinfo=UTC))
    assert (nordmarkt.late, nordmarkt.late_since, nordmarkt.lost) == ((), None, ())
    assert (found.verdict, found.late, found.action_items) == ("well", 0, ())


def test_a_client_without_any_delivery_has_no_freshness(world: World) -> None:
    world.file(FIRST)
    (line, _) = stands(world, day(1)).delivery_health
    assert (line.newest, line.newest_end, line.late) == (None, None, ("2026-03-02",))
    assert line.late_since == datetime(2026, 3, 3, 8, tzinfo=UTC)


def test_a_deadline_is_met_only_by_what_was_there_in_time(world: World) -> None:
    sent(world, day(0))
    in_the_lake(world, day(1))
    release = world.released("footfall", Period.day(day(1)))
    world.delivered("nordmarkt", release, at=datetime(2026, 3, 4, 8, 1, tzinfo=UTC))
    world.delivered("stadtlicht", release)
    sent(world, day(2))
    nordmarkt, stadtlicht = stands(world, day(3)).delivery_health
    assert (nordmarkt.judged, nordmarkt.met, nordmarkt.missed) == (3, 2, ("2026-03-03",))
    assert (stadtlicht.judged, stadtlicht.met) == (3, 3)


def test_a_second_delivery_of_a_period_does_not_make_the_first_one_late(world: World) -> None:
    sent(world, day(0))
    release = world.released("footfall", Period.day(day(0)))
    world.delivered("nordmarkt", release, revision=2, at=datetime(2026, 3, 9, tzinfo=UTC))
    assert stands(world, day(1)).delivery_health[0].met == 1


def test_deadlines_before_the_client_was_applied_were_promised_to_nobody(world: World) -> None:
    world.file(FIRST)
    assert stands(world, day(1)).delivery_health[0].judged == 1
    world.stores.catalog.apply_client(
        "nordmarkt",
        world.stores.catalog.clients()[0].spec,
        "again",
        AuditEntry.by_user("client applied", "nordmarkt"),
    )
    (line, _) = stands(world, day(1)).delivery_health
    assert (line.judged, line.late) == (0, ("2026-03-02",))


def test_the_last_thirty_deadlines_are_judged(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.client("nordmarkt", FIRST)
    world.file(FIRST)
    (line,) = stands(world, day(40)).delivery_health
    assert (line.judged, line.met, line.missed[0]) == (30, 0, str(day(10)))


def test_lateness_is_of_all_days_though_the_grid_shows_the_last_ones(world: World) -> None:
    in_the_lake(world, day(0))
    world.released("footfall", Period.day(day(0)))
    found = stands(world, day(60), days=10)
    assert {target.period for target in found.plan.targets if target.client} == {str(day(n)) for n in range(50, 60)}
    (line, _) = found.delivery_health
    assert line.late[0] == "2026-03-02"
    assert line.late_since == datetime(2026, 3, 3, 8, tzinfo=UTC)
    assert line.lost == tuple(str(day(n)) for n in range(1, 50)), "nothing of them is here, and nothing is planned"


def test_what_was_taken_back_or_has_expired_is_lost_and_no_longer_late(world: World) -> None:
    on = day(45)
    found = stands(world, on)
    (line, _) = found.delivery_health
    expired = on - timedelta(days=world.stores.policy.policy.retention.keys_days)
    assert all(date.fromisoformat(period) >= expired for period in line.late)
    assert str(day(0)) in line.lost
