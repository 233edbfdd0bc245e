"""What a client's index says, from the books; as quick after a year as on the first day."""

from contextlib import suppress
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from sqlalchemy import event, text

from tasks.delivery_calendar import client_facts
from tasks.errors import RefusedRelease
from tasks.period import Period
from tasks.status import status
from tasks.store.client_spec import ClientSpec
from tasks.store.tables import DeliveryState, ReleaseState
from tests.integration.plan.world import World, noon

FIRST, ONE = date(2026, 3, 1), timedelta(days=1)


def indexed(world: World, days: int) -> tuple[dict[str, tuple[str, str | None]], int]:
    """State and cause of each period, and how many queries it took."""
    asked: list[str] = []
    (row,) = world.stores.catalog.clients()
    engine = world.stores.ledger._database.engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    facts = client_facts(world.stores, ClientSpec.stored(row.spec), noon(FIRST + timedelta(days=days)))
    states = {entry["period"]: (entry["state"], entry["cause"]) for entry in facts["periods"]}
    return states, sum(statement.startswith("SELECT") for statement in asked)


def test_an_index_says_of_each_period_what_became_of_it(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.client("nordmarkt", FIRST)
    days = [FIRST + timedelta(days=n) for n in range(9)]
    keys = {day: world.released("footfall", Period.day(day)) for day in days[:3]}
    world.delivered("nordmarkt", keys[days[0]])
    world.delivered("nordmarkt", keys[days[1]], DeliveryState.REFUSED)
    recalled = world.released("footfall", Period.day(days[3]), ReleaseState.RECALLED)
    world.delivered("nordmarkt", recalled)
    world.file(days[4])
    world.ingested(days[4])
    with suppress(RefusedRelease), world.stores.catalog.run("publish", f"footfall {days[4]}"):
        raise RefusedRelease("Too large.", "Wait.")
    world.failed("deliver", f"nordmarkt footfall {days[2]}")
    world.released("footfall", Period.day(days[5]))
    with suppress(KeyboardInterrupt), world.stores.catalog.run("deliver", f"nordmarkt footfall {days[5]}"):
        raise KeyboardInterrupt  # to be stopped, or killed, is not to fail
    world.released("footfall", Period.day(days[0]), ReleaseState.RESERVED)  # a revision that hides nothing yet
    world.file(days[7])
    world.rejected(days[7])
    world.file(days[8])
    world.ingested(days[8])
    states, _ = indexed(world, 10)
    assert [states[str(day)] for day in days] == [
        ("delivered", None),
        ("late", "bucket_refused"),
        ("late", "bucket_refused"),
        ("recalled", "recalled"),
        ("withheld", "release_refused"),
        ("late", "not_sent"),
        ("late", "data_not_arrived"),
        ("late", "data_rejected"),
        ("late", "not_published"),
    ]


def test_an_index_asks_the_books_no_more_often_for_many_periods_than_for_few(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.client("nordmarkt", FIRST)
    for number in range(20):
        key = world.released("footfall", Period.day(FIRST + timedelta(days=number)))
        if number % 2:
            world.delivered("nordmarkt", key)
    few, queries = indexed(world, 5)
    many, more = indexed(world, 25)
    assert (len(few), len(many)) == (13, 25)  # also what was delivered before it was due
    assert more == queries


def test_an_index_keeps_what_was_delivered_of_a_product_that_no_longer_exists(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.client("nordmarkt", FIRST)
    world.delivered("nordmarkt", world.released("footfall", Period.day(FIRST)))
    with world.stores.catalog._database.writing() as session:
        for change in (
            "UPDATE delivery SET product = 'steps'",
            "UPDATE release SET product = 'steps'",
            "UPDATE client SET spec = REPLACE(spec, 'footfall', 'steps')",
        ):
            session.connection().execute(text(change))
    states, _ = indexed(world, 2)
    assert states == {str(FIRST): ("delivered", None)}, "of later days nothing is expected any more"
    assert status(world.stores, noon(FIRST + timedelta(days=2))).delivery_health[0].newest == str(FIRST)


def test_what_the_budget_does_not_allow_is_withheld_and_not_late(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.client("nordmarkt", FIRST)
    world.file(FIRST)
    world.ingested(FIRST)
    assert indexed(world, 2)[0][str(FIRST)][0] == "late"
    world.spend_all_but(f"{FIRST:%Y-%m}", Fraction(1, 1000))
    assert indexed(world, 2)[0][str(FIRST)] == ("withheld", "privacy_budget")


def test_every_delivery_that_was_written_is_listed_with_its_state(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.client("nordmarkt", FIRST)
    day = Period.day(FIRST)
    world.delivered("nordmarkt", first := world.released("footfall", day))
    world.delivered("nordmarkt", first, revision=2)
    world.delivered("nordmarkt", world.released("footfall", day), DeliveryState.REFUSED, revision=3)
    world.delivered("nordmarkt", world.released("footfall", Period.day(FIRST + ONE), ReleaseState.RECALLED))
    (row,) = world.stores.catalog.clients()
    facts = client_facts(world.stores, ClientSpec.stored(row.spec), noon(FIRST + 2 * ONE))
    assert [(each["period"], each["revision"], each["state"]) for each in facts["deliveries"]] == [
        (str(day), 1, "superseded"),
        (str(day), 2, "current"),
        (str(FIRST + ONE), 1, "recalled"),
    ], "what the bucket never held whole is not listed"
