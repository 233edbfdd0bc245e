"""What a plan runs and leaves alone: waiting, budget, months, late files, what the schedule does by itself."""

import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

from tasks.alerts import AlertKind, alerts
from tasks.errors import RefusedRelease, RejectedInput, StorageUnavailable
from tasks.period import Period
from tasks.plan import Mode, Plan, State, daily_plan, make_plan
from tasks.privacy.noise import production_noise
from tasks.products.registry import find
from tasks.refresh import Refresh
from tasks.store.tables import DeliveryState, ReleaseState
from tests.integration.plan.world import World, noon
from tests.publisher import publisher
from tests.refusals import refused

pytestmark = pytest.mark.usefixtures("few_products")

DAY = date(2026, 3, 3)
NEXT = DAY + timedelta(days=1)
NOW = noon(NEXT)


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return World.new(tmp_path, database_url)


def states(plan: Plan) -> dict[str, str]:
    return {" ".join(step.key): step.state.value for step in plan.steps}


def due(plan: Plan) -> list[str]:
    return [" ".join(step.key).strip() for step in plan.due]


def several(world: World, days: int, last: date = DAY) -> list[date]:
    found = [last - timedelta(days=n) for n in reversed(range(days))]
    for day in found:
        world.file(day)
    return found


def test_after_an_outage_the_schedule_plans_every_day_oldest_first_then_releases_then_deliveries(world: World) -> None:
    days = several(world, 5)
    world.client("nordmarkt", days[0])
    plan = daily_plan(world.stores, NOW)
    work = [f"ingest {d}" for d in days] + [f"publish footfall {d}" for d in days]
    work += [f"deliver nordmarkt footfall {d}" for d in days]
    assert due(plan) == [*work, "index nordmarkt"]
    for_clients = [target for target in plan.targets if target.client]
    assert {(target.needs, target.late) for target in for_clients} == {(("ingest", "publish", "deliver"), True)}


def test_the_schedule_looks_no_further_back_than_its_window_nor_than_the_first_data(world: World) -> None:
    several(world, 12)
    window = world.stores.policy.policy.time.catch_up_days
    assert daily_plan(world.stores, NOW).first == NEXT - timedelta(days=window)
    assert daily_plan(world.stores, noon(DAY - timedelta(days=10))).first == DAY - timedelta(days=11)
    assert due(daily_plan(world.stores, noon(DAY - timedelta(days=11)))) == []


def test_what_was_ingested_long_ago_and_never_drawn_or_sent_is_still_due(world: World) -> None:
    world.client("nordmarkt", DAY)
    world.file(DAY)
    world.ingested(DAY)
    late = noon(DAY + timedelta(days=20))
    assert due(daily_plan(world.stores, late))[:2] == [f"publish footfall {DAY}", f"deliver nordmarkt footfall {DAY}"]
    key = world.released("footfall", Period.day(DAY))
    assert f"deliver nordmarkt footfall {DAY}" in due(daily_plan(world.stores, late))
    world.delivered("nordmarkt", key)
    assert [step for step in due(daily_plan(world.stores, late)) if "footfall" in step] == []


def test_the_schedule_tries_a_rejected_day_again_only_when_its_landing_changed_and_people_may_always(
    world: World,
) -> None:
    world.file(DAY)
    world.rejected(DAY)
    assert states(daily_plan(world.stores, NOW))[f"ingest {DAY}"] == "failed"
    assert due(daily_plan(world.stores, NOW)) == []
    assert due(world.plan(DAY, DAY, NOW)) == [f"ingest {DAY}", f"publish footfall {DAY}"]
    world.file(DAY, "b.csv")
    assert f"ingest {DAY}" in due(daily_plan(world.stores, NOW))


def test_registers_are_read_only_where_nothing_else_tells_a_landing_from_the_rejected_one(world: World) -> None:
    consents, read = world.stores.settings.landing_root / "consents.csv", list[str]()
    consents.write_text("before")
    world.file(DAY)
    world.rejected(DAY)
    consents.write_text("changed")
    sys.addaudithook(lambda event, given: read.append(str(given[0])) if event == "open" else None)
    world.file(DAY, "b.csv")
    assert f"ingest {DAY}" in due(daily_plan(world.stores, NOW))
    assert str(consents) not in read
    world.file(DAY, "b.csv").unlink()
    assert f"ingest {DAY}" in due(daily_plan(world.stores, NOW))
    assert str(consents) in read


def test_a_day_that_could_not_even_be_read_is_left_alone_too_and_one_that_storage_failed_is_not(world: World) -> None:
    world.file(DAY)
    for error, settled in ((RejectedInput, True), (StorageUnavailable, False), (RefusedRelease, True)):
        with suppress(error), world.stores.catalog.run("ingest", str(DAY)):
            world.begun(DAY)
            raise error("It broke.", "Mend it.")
        (step, _) = daily_plan(world.stores, NOW).steps
        assert (step.state, step.settled) == (State.FAILED, settled)


def test_a_day_whose_folder_is_open_waits_and_says_until_when_and_an_absent_one_is_overdue(world: World) -> None:
    world.file(DAY)
    world.ingested(DAY)
    (step,) = [s for s in world.plan(NEXT, NEXT, NOW).steps if s.verb == "ingest"]
    assert (step.state, step.overdue) == (State.WAITING, False)
    assert "open until 2026-03-05 06:00" in step.why
    (step,) = [s for s in daily_plan(world.stores, noon(NEXT + timedelta(days=1))).steps if s.period == str(NEXT)][:1]
    assert (step.state, step.overdue) == (State.WAITING, True)
    assert f"date={NEXT} is missing" in step.why
    (world.stores.settings.landing_root / "events" / f"date={NEXT}").mkdir()
    world.file(NEXT, "_COMPLETE")
    world.file(NEXT)
    assert states(world.plan(NEXT, NEXT, NOW))[f"ingest {NEXT}"] == "missing"


def test_what_needs_a_day_that_still_waits_is_not_tried(world: World) -> None:
    days = several(world, 28, date(2026, 2, 28))
    for day in days[:-1]:
        world.ingested(day)
        world.released("footfall", Period.day(day))
    at_night = datetime(2026, 3, 1, 1, tzinfo=UTC)
    assert due(daily_plan(world.stores, at_night)) == ["ingest 2026-02-28"]
    assert states(daily_plan(world.stores, at_night))["publish panel 2026-02"] == "waiting"


def test_the_first_folder_is_not_asked_for_a_day_that_begins_before_it(few_products: Path, tmp_path: Path) -> None:
    text = few_products.read_text().replace('timezone = "Europe/Berlin" ', 'timezone = "Australia/Sydney" ', 1)
    (tmp_path / "policy.toml").write_text(
        text.replace('landing_timezone = "Europe/Berlin"', 'landing_timezone = "UTC"')
    )
    world = World.new(tmp_path, policy=tmp_path / "policy.toml")
    several(world, 3, DAY)
    assert daily_plan(world.stores, noon(NEXT)).first == DAY - timedelta(days=1)


def test_an_unfinished_revision_takes_nothing_from_what_is_delivered(world: World) -> None:
    world.client("nordmarkt", DAY)
    world.file(DAY)
    world.ingested(DAY)
    world.delivered("nordmarkt", world.released("footfall", Period.day(DAY)))
    world.released("footfall", Period.day(DAY), ReleaseState.RESERVED)
    (target,) = world.plan(DAY, DAY, NOW).targets
    assert (target.state, target.why, target.late) == (State.DONE, "Delivered.", False)
    assert due(world.plan(DAY, DAY, NOW)) == [f"publish footfall {DAY}"]


def test_a_profile_that_is_charged_already_is_not_asked_of_the_budget_again(world: World) -> None:
    world.file(DAY)
    world.begun(DAY)
    world.profiled(DAY)
    world.spend_all_but("2026-03", Fraction(0))
    (step, *_) = world.plan(DAY, DAY, NOW).steps
    assert (step.state, step.rho) == (State.MISSING, 0)


def test_registers_that_come_every_day_do_not_use_up_the_profiles_of_a_rejected_day(world: World) -> None:
    world.file(DAY)
    consents = world.stores.settings.landing_root / "consents.csv"
    for number, tried_again in ((1, True), (2, False)):
        consents.write_text(str(number))
        world.rejected(DAY)
        world.profiled(DAY)
        consents.write_text("came again" * number)
        assert due(daily_plan(world.stores, NOW)) == [f"ingest {DAY}", f"publish footfall {DAY}"] * tried_again
    world.file(DAY, "mended.csv")
    assert f"ingest {DAY}" in due(daily_plan(world.stores, NOW))


def test_a_day_that_nobody_holds_any_more_is_impossible(world: World) -> None:
    world.file(DAY)
    old = DAY - timedelta(days=100)
    assert {step.state for step in world.plan(old, old, NOW).steps} == {State.IMPOSSIBLE}


@pytest.mark.parametrize("kept", ["keys/pseudonym", "keys/data"])
def test_a_key_that_is_gone_before_its_time_is_a_failure_that_is_told_and_charges_nothing(
    world: World, kept: str
) -> None:
    world.file(DAY)
    world.ingested(DAY)
    (world.stores.settings.home / kept / f"day-{DAY}.key").unlink()
    plan = daily_plan(world.stores, NOW)
    assert states(plan) == {f"ingest {DAY}": "done", f"publish footfall {DAY}": "failed"}
    assert due(plan) == []
    (told,) = [alert for alert in alerts(world.stores, plan, NOW) if alert.kind == AlertKind.RUN_FAILED]
    assert "key" in told.what
    assert "backup" in told.what
    draw = publisher(world.stores, production_noise(), lambda: NOW)
    refused = (
        Refresh(world.stores).refresh if kept == "keys/pseudonym" else partial(draw.check_inputs, find("footfall")[0])
    )
    with pytest.raises(RefusedRelease) as refusal:
        refused(Period.day(DAY))
    assert refusal.value.code == "keys.missing"
    assert world.stores.ledger.releases() == []
    later = datetime.now(UTC) + timedelta(days=world.stores.policy.policy.retention.keys_days)
    assert {target.state for target in world.plan(DAY, DAY, later).targets} == {State.IMPOSSIBLE}


def test_releases_take_the_budget_in_order_and_the_first_one_that_finds_too_little_is_blocked(world: World) -> None:
    days = several(world, 4, date(2026, 3, 20))
    now = noon(date(2026, 3, 21))
    cost = Fraction(15, 1024) + Fraction(16384, 2 * 9051**2)  # footfall, and the gate's profile
    world.spend_all_but("2026-03", 2 * cost + Fraction(1, 100) + 2 * Fraction(16384, 2 * 9051**2))
    plan = world.plan(days[0], days[-1], now)
    assert [target.state.value for target in plan.targets] == [
        "missing",
        "missing",
        "blocked by budget",
        "blocked by budget",
    ]
    assert "2026-03 has 0.01" in plan.targets[2].why
    assert sum(plan.rho.values()) == pytest.approx(float(2 * Fraction(15, 1024) + 4 * Fraction(16384, 2 * 9051**2)))


def test_a_cap_that_was_lowered_blocks_at_once_and_is_no_failure(world: World) -> None:
    world.file(DAY)
    world.ingested(DAY)
    world.spend_all_but("2026-03", Fraction(1, 10))
    reviewed = world.stores.policy
    budget = reviewed.policy.budget.model_copy(update={"cap": Decimal("0.01")})
    lowered = replace(reviewed, policy=reviewed.policy.model_copy(update={"budget": budget}))
    plan = make_plan(replace(world.stores, policy=lowered), DAY, DAY, NOW)
    (target,) = plan.targets
    assert (target.state, due(plan)) == (State.BLOCKED, [])
    assert "2026-03 has 0.0000 left" in target.why


def test_late_files_make_a_release_stale_with_what_a_revision_would_cost_and_change(world: World) -> None:
    world.file(DAY, size=1000)
    world.ingested(DAY)
    world.released("footfall", Period.day(DAY))
    world.file(DAY, "late.csv", size=500)
    (target,) = world.plan(DAY, DAY, NOW, Mode.ALL).targets
    assert (target.state, target.revision_rho) == (State.STALE, 15 / 1024)
    assert "1 file arrived" in target.why
    assert "late.csv" in target.why
    assert "about 50 rows" in target.why
    assert due(world.plan(DAY, DAY, NOW)) == []
    assert due(world.plan(DAY, DAY, NOW, Mode.ALL)) == [f"ingest {DAY}"]


def test_late_files_of_a_day_from_which_nothing_was_drawn_are_simply_read(world: World) -> None:
    world.file(DAY)
    world.ingested(DAY)
    world.file(DAY, "late.csv")
    assert due(daily_plan(world.stores, NOW)) == [f"ingest {DAY}", f"publish footfall {DAY}"]


def test_late_files_that_were_rejected_are_not_tried_again_by_the_schedule(world: World) -> None:
    world.file(DAY)
    world.ingested(DAY)
    world.file(DAY, "late.csv")
    world.rejected(DAY)
    assert due(daily_plan(world.stores, NOW)) == [f"publish footfall {DAY}"]
    world.file(DAY, "later.csv")
    assert f"ingest {DAY}" in due(daily_plan(world.stores, NOW))


def test_a_cleared_landing_makes_nothing_stale(world: World) -> None:
    world.file(DAY)
    file = world.file(DAY, "b.csv")
    world.ingested(DAY)
    world.released("footfall", Period.day(DAY))
    file.unlink()
    assert {target.state for target in world.plan(DAY, DAY, NOW).targets} == {State.DONE}


def test_a_month_waits_for_its_days_and_then_no_longer(world: World) -> None:
    days = several(world, 28, date(2026, 2, 28))
    for day in days[:-1]:
        world.ingested(day)
    key = f"publish panel {Period.month(days[0])}"
    last = days[-1]
    assert states(world.plan(last, last, noon(date(2026, 3, 1))))[key] == "missing"  # its last day comes first
    world.rejected(last)
    assert states(daily_plan(world.stores, noon(date(2026, 3, 1))))[key] == "waiting"
    waited = noon(date(2026, 3, 1) + timedelta(days=world.stores.policy.policy.time.catch_up_days + 1))
    plan = daily_plan(world.stores, waited)
    assert key in due(plan)


def test_a_month_waits_for_days_that_lie_in_the_landing_outside_the_range(world: World) -> None:
    days = several(world, 3, date(2026, 2, 28))
    world.ingested(days[-1])
    plan = world.plan(days[-1], days[-1], noon(date(2026, 4, 1)))
    (target,) = [target for target in plan.targets if target.product == "panel"]
    assert target.state is State.WAITING
    assert "27 of its 28 days" in target.why


def test_a_release_or_delivery_that_was_cut_off_is_finished_at_no_cost(world: World) -> None:
    world.client("nordmarkt", DAY)
    world.file(DAY)
    world.ingested(DAY)
    world.released("footfall", Period.day(DAY), ReleaseState.STAGED)
    plan = daily_plan(world.stores, NOW)
    assert due(plan) == [f"publish footfall {DAY}", f"deliver nordmarkt footfall {DAY}", "index nordmarkt"]
    assert plan.rho == {}
    world.delivered("nordmarkt", world.released("footfall", Period.day(DAY)), DeliveryState.RENDERED)
    assert f"deliver nordmarkt footfall {DAY}" in due(daily_plan(world.stores, NOW))


def test_an_index_that_could_not_be_written_is_tried_again(world: World) -> None:
    world.client("nordmarkt", NOW.date())
    assert due(daily_plan(world.stores, NOW)) == []
    world.failed("index", "nordmarkt")
    assert due(daily_plan(world.stores, NOW)) == ["index nordmarkt"]
    world.succeeded("index", "nordmarkt")
    assert due(daily_plan(world.stores, NOW)) == []


def test_a_plan_for_one_client_or_product_runs_only_what_it_needs(world: World) -> None:
    days = several(world, 3)
    world.client("nordmarkt", days[1])
    world.client("stadtlicht", days[2])
    plan = world.plan(days[0], days[2], NOW, client="stadtlicht")
    assert due(plan) == [f"ingest {DAY}", f"publish footfall {DAY}", f"deliver stadtlicht footfall {DAY}"]
    assert {target.client for target in plan.targets} == {"stadtlicht"}
    assert due(world.plan(days[0], days[2], NOW, product="panel")) == []
    with refused("client.unknown"):
        world.plan(days[0], days[2], NOW, client="nobody")


def test_a_backfill_finishes_one_period_after_the_other_from_either_end(world: World) -> None:
    days = several(world, 2)
    world.client("nordmarkt", days[0])
    chains = [[f"ingest {d}", f"publish footfall {d}", f"deliver nordmarkt footfall {d}"] for d in days]
    assert due(world.plan(days[0], days[1], NOW)) == chains[0] + chains[1]
    assert due(make_plan(world.stores, days[0], days[1], NOW, newest_first=True)) == chains[1] + chains[0]


def test_an_impossible_range_is_refused_in_words(world: World) -> None:
    with refused("usage.range_reversed"):
        world.plan(NEXT, DAY, NOW)
    with refused("usage.range_too_long"):
        world.plan(date(1026, 1, 1), DAY, NOW)


def test_rows_and_seconds_are_estimated_by_what_ran_here_before(world: World) -> None:
    days = several(world, 2)
    (before, _) = [s for s in world.plan(days[0], days[1], NOW).steps if s.verb == "ingest"]
    assert before.rows is None
    world.ingested(days[0])
    world.succeeded("ingest", str(days[0]))
    plan = world.plan(days[1], days[1], NOW)
    assert plan.rows == 100
    assert plan.due[0].seconds is not None
    assert plan.due[0].seconds < 5
