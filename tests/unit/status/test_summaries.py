"""Budget, failures and costs, as the books have them."""

from contextlib import suppress
from fractions import Fraction

import pytest

from tasks.errors import StorageUnavailable
from tasks.policy_file import longest_month
from tasks.store import usage
from tests.integration.plan.world import World
from tests.unit.status.conftest import day, sent, stands

pytestmark = pytest.mark.usefixtures("few_products")


def test_the_budget_says_what_is_spent_and_what_the_schedule_still_needs(world: World) -> None:
    sent(world, day(0))
    (march,) = stands(world, day(1)).months
    assert (march.month, march.cap) == ("2026-03", 1.0)
    assert march.spent == pytest.approx(0.0146, abs=1e-4)
    assert march.needed == pytest.approx(float(longest_month(world.stores.policy.policy)) - march.spent, abs=1e-3)
    assert march.left == pytest.approx(1 - march.spent)
    assert march.suffices
    assert march.epsilon_spent < march.epsilon_planned < march.epsilon_cap


def test_a_month_that_cannot_draw_all_that_is_scheduled_says_so(world: World) -> None:
    world.spend_all_but("2026-03", Fraction(1, 100))
    (march,) = [month for month in stands(world, day(1)).months if month.month == "2026-03"]
    assert not march.suffices
    assert march.left == pytest.approx(0.01)


def test_every_month_in_view_has_its_budget_charged_or_not(world: World) -> None:
    sent(world, day(0))
    found = stands(world, day(31))
    assert [month.month for month in found.months] == ["2026-03", "2026-04"]
    assert found.months[1].spent == 0


def test_a_failure_is_told_once_with_its_tries_until_it_is_mended_and_then_as_mended(world: World) -> None:
    world.failed("deliver", "nordmarkt footfall 2026-03-02", "The first time.")
    world.failed("deliver", "nordmarkt footfall 2026-03-02", "Again.")
    (failure,) = stands(world, day(1)).failures
    assert (failure.said, failure.times, failure.mended) == ("Again. Try again.", 2, False)
    world.succeeded("deliver", "nordmarkt footfall 2026-03-02")
    world.failed("ingest", "2026-03-02")
    assert [(f.verb, f.mended) for f in stands(world, day(1)).failures] == [("ingest", False), ("deliver", True)]


def test_a_run_that_was_stopped_is_no_failure_and_a_foreign_error_has_no_words_of_its_own(world: World) -> None:
    with suppress(KeyboardInterrupt), world.stores.catalog.run("ingest", "2026-03-02"):
        raise KeyboardInterrupt
    with suppress(ValueError), world.stores.catalog.run("ingest", "2026-03-03"):
        raise ValueError("subscriber 0049170")
    (failure,) = stands(world, day(1)).failures
    assert (failure.subject, failure.said) == ("2026-03-03", "It ended with ValueError.")


def test_costs_are_medians_of_runs_that_did_their_work(world: World) -> None:
    for size, outcome in ((100, "Ingested"), (300, "Ingested"), (200, "Ingested"), (9_999, "AlreadyIngested")):
        with world.stores.catalog.run("ingest", "2026-03-02") as run:
            usage.count(read=size)
            usage.count_request()
            run.outcome = outcome
    with suppress(StorageUnavailable), world.stores.catalog.run("publish", "footfall 2026-03-02"):
        raise StorageUnavailable("The disk is full.", "Free space.")
    (cost,) = stands(world, day(1)).costs
    assert (cost.verb, cost.runs, cost.bytes_read, cost.s3_requests) == ("ingest", 3, 200, 1)
    assert cost.seconds >= 0
    assert [run.verb for run in stands(world, day(1)).runs][:1] == ["publish"]
