import inspect
from itertools import product

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from tasks.errors import RefusedRelease
from tasks.store.audit import AuditLog
from tasks.store.catalog import Catalog
from tasks.store.database import Database
from tasks.store.ledger import RELEASE_TRANSITIONS, Ledger
from tasks.store.tables import Audit, MonthBudget, Release, ReleaseState
from tests.integration.acts import FACTS, audit, key, reserve, reserve_in_process
from tests.integration.at_once import at_once
from tests.refusals import refused

MARCH, APRIL = "2026-03", "2026-04"
CAP = 1_000


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def spent(ledger: Ledger) -> dict[str, int]:
    return {month.month: month.spent for month in ledger.months()}


def charged(ledger: Ledger) -> dict[str, int]:
    sums: dict[str, int] = {}
    for _, charge in ledger.charges():
        sums[charge.month] = sums.get(charge.month, 0) + charge.units
    return sums


def test_a_reservation_holds_everything_that_the_release_is_made_of(ledger: Ledger) -> None:
    reserve(ledger, 1, {MARCH: 10}, CAP)
    release = ledger.find("footfall", 3, "2026-03-01")
    assert release is not None
    assert {name: getattr(release, name) for name in vars(FACTS)} == vars(FACTS)
    assert (release.state, release.sha256, release.draws) == (ReleaseState.RESERVED, None, 0)


def test_the_whole_cap_can_be_spent_and_not_one_unit_more(ledger: Ledger) -> None:
    reserve(ledger, 1, {MARCH: CAP - 1}, CAP)
    with pytest.raises(RefusedRelease):
        reserve(ledger, 2, {MARCH: 2}, CAP)
    reserve(ledger, 3, {MARCH: 1}, CAP)
    with pytest.raises(RefusedRelease):
        reserve(ledger, 4, {MARCH: 1}, CAP)
    assert spent(ledger) == charged(ledger) == {MARCH: CAP}


@pytest.mark.parametrize(("units", "fits"), [(CAP - 1, True), (CAP, True), (CAP + 1, False)])
def test_the_first_charge_of_a_month_is_held_to_the_cap_too(ledger: Ledger, units: int, fits: bool) -> None:
    if fits:
        reserve(ledger, 1, {MARCH: units}, CAP)
    else:
        with pytest.raises(RefusedRelease):
            reserve(ledger, 1, {MARCH: units}, CAP)
    assert charged(ledger) == ({MARCH: units} if fits else {})
    assert spent(ledger) == charged(ledger)


def test_a_refusal_says_asked_left_month_and_what_could_be_dropped(ledger: Ledger) -> None:
    reserve(ledger, 1, {MARCH: 7 * 10**11}, 10**12)
    with pytest.raises(RefusedRelease) as refused:
        reserve(ledger, 2, {MARCH: 4 * 10**11}, 10**12)
    assert refused.value.code == "budget.insufficient"
    assert refused.value.what == (
        "The budget of 2026-03 does not suffice: asked rho 0.400000, left 0.300000 of 1.000000. "
        "Charged so far: footfall 0.700000 in 1."
    )


def test_a_refusal_names_the_months_revisions_which_left_no_room_for_a_product_that_came_back(ledger: Ledger) -> None:
    for revision in range(1, 9):
        reserve(ledger, revision, {MARCH: 10**11}, 10**12)
    with refused("budget.insufficient") as caught:
        reserve(ledger, 9, {MARCH: 4 * 10**11}, 10**12)
    assert "Revisions took 0.700000 of it" in caught.value.what
    assert [str(key(number)) in caught.value.what for number in (1, 2, 3, 4, 8)] == [False, False, False, True, True]
    with refused("budget.insufficient") as caught:
        reserve(ledger, 10, {APRIL: 2 * 10**12}, 10**12)
    assert "Revisions" not in caught.value.what


def test_a_refused_release_leaves_no_trace(ledger: Ledger, database: Database) -> None:
    with pytest.raises(RefusedRelease):
        reserve(ledger, 1, {MARCH: CAP + 1}, CAP)
    assert ledger.find("footfall", 3, "2026-03-01") is None
    assert ledger.months() == []
    assert AuditLog(database).entries() == []


def test_a_week_over_two_months_charges_both_or_none(ledger: Ledger) -> None:
    reserve(ledger, 1, {APRIL: CAP - 5}, CAP)
    with pytest.raises(RefusedRelease, match="The budget of 2026-04"):
        reserve(ledger, 2, {MARCH: 6, APRIL: 6}, CAP)
    assert spent(ledger) == {APRIL: CAP - 5}
    reserve(ledger, 3, {MARCH: 5, APRIL: 5}, CAP)
    assert spent(ledger) == charged(ledger) == {MARCH: 5, APRIL: CAP}


def test_reserving_again_returns_the_release_and_charges_nothing(ledger: Ledger, database: Database) -> None:
    first = reserve(ledger, 1, {MARCH: 10}, CAP)
    assert reserve(ledger, 1, {MARCH: 500}, CAP).id == first.id
    assert spent(ledger) == charged(ledger) == {MARCH: 10}
    assert len(AuditLog(database).entries()) == 1


def test_a_revision_leaves_what_scheduled_releases_will_need(ledger: Ledger) -> None:
    reserve(ledger, 1, {MARCH: 100}, CAP)
    with pytest.raises(RefusedRelease, match="of it kept for the month's scheduled releases"):
        reserve(ledger, 2, {MARCH: 101}, CAP, {MARCH: 800})
    reserve(ledger, 3, {MARCH: 100}, CAP, {MARCH: 800})
    assert spent(ledger) == {MARCH: 200}


def test_a_months_cap_is_fixed_at_its_first_charge_and_can_only_fall(ledger: Ledger) -> None:
    def cap() -> int:
        return ledger.months()[0].cap

    reserve(ledger, 1, {MARCH: 10}, CAP)
    reserve(ledger, 2, {MARCH: 10}, CAP + 500)
    assert cap() == CAP
    reserve(ledger, 3, {MARCH: 10}, 100)
    assert cap() == 100
    reserve(ledger, 4, {MARCH: 10}, CAP)
    assert cap() == 100
    with pytest.raises(RefusedRelease):
        reserve(ledger, 5, {MARCH: 1}, 40 - 1)
    with pytest.raises(RefusedRelease):
        reserve(ledger, 5, {MARCH: 61}, CAP)
    reserve(ledger, 5, {MARCH: 60}, CAP)


@pytest.mark.parametrize("charges", [{}, {MARCH: 0}, {MARCH: 5, APRIL: 0}, {MARCH: -1}])
def test_nothing_is_reserved_without_a_charge(ledger: Ledger, charges: dict[str, int]) -> None:
    with refused("release.no_charge"):
        reserve(ledger, 1, charges, CAP)


def test_the_database_itself_holds_the_cap(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(MonthBudget(month=MARCH, cap=1, spent=2))


def test_a_release_goes_from_reserved_to_published(ledger: Ledger, database: Database) -> None:
    reserve(ledger, 1, {MARCH: 10}, CAP)
    ledger.intend_draw(key(), audit("draw intended"))
    ledger.stage(key(), "abc", audit("release staged"))
    release = ledger.publish(key(), audit("release published"))
    assert (release.state, release.sha256, release.draws, release.redraws) == (ReleaseState.PUBLISHED, "abc", 1, 0)
    assert [entry.event for entry in AuditLog(database).entries("footfall/v3/2026-03-01/r1")] == [
        "release reserved",
        "draw intended",
        "release staged",
        "release published",
    ]


def test_repeating_a_step_changes_nothing(ledger: Ledger, database: Database) -> None:
    reserve(ledger, 1, {MARCH: 10}, CAP)
    ledger.intend_draw(key(), audit())
    for _ in range(2):
        ledger.stage(key(), "abc", audit())
    for _ in range(2):
        ledger.publish(key(), audit())
    assert ledger.stage(key(), "abc", audit()).state is ReleaseState.PUBLISHED
    assert len(AuditLog(database).entries()) == 4


def test_a_redraw_is_counted(ledger: Ledger) -> None:
    reserve(ledger, 1, {MARCH: 10}, CAP)
    ledger.intend_draw(key(), audit())
    assert ledger.intend_draw(key(), audit()).redraws == 1
    assert spent(ledger) == {MARCH: 10}


def test_a_published_release_is_never_drawn_again_nor_gets_other_bytes(ledger: Ledger) -> None:
    reserve(ledger, 1, {MARCH: 10}, CAP)
    ledger.stage(key(), "abc", audit())
    ledger.publish(key(), audit())
    with refused("release.transition"):
        ledger.intend_draw(key(), audit())
    with refused("release.transition"):
        ledger.stage(key(), "other", audit())


def test_a_release_that_was_never_reserved_has_no_way_on(ledger: Ledger) -> None:
    for act in (ledger.intend_draw, ledger.publish, lambda key, entry: ledger.stage(key, "abc", entry)):
        with pytest.raises(RefusedRelease):
            act(key(), audit())


ACTS = {ReleaseState.RESERVED: "intend_draw", ReleaseState.STAGED: "stage", ReleaseState.PUBLISHED: "publish"}


@pytest.mark.parametrize(("state", "to"), list(product(ReleaseState, ACTS)))
def test_the_ledger_allows_what_the_table_of_transitions_allows(
    ledger: Ledger, database: Database, state: ReleaseState, to: ReleaseState
) -> None:
    reserve(ledger, 1, {MARCH: 10}, CAP)
    with database.writing() as session:
        session.exec(select(Release)).one().state = state
    digest = ("new",) if to is ReleaseState.STAGED else ()
    act = getattr(ledger, ACTS[to])
    if to in RELEASE_TRANSITIONS[state] or (to is state is ReleaseState.PUBLISHED):
        assert act(key(), *digest, audit()).state is to
    else:
        with pytest.raises(RefusedRelease):
            act(key(), *digest, audit())


UNSEEN = {"begin_day", "run"}
"""What others do not see: a candidate nobody reads, and the record of runs itself."""


@pytest.mark.parametrize("store", [Ledger, Catalog])
def test_every_change_demands_its_audit_entry(store: type) -> None:
    source = {name: method for name, method in inspect.getmembers(store, inspect.isfunction) if name[0] != "_"}
    changing = {name for name, method in source.items() if ".writing()" in inspect.getsource(method)} | {"publish"}
    for name in (changing & source.keys()) - UNSEEN:
        parameter = inspect.signature(source[name]).parameters["audit"]
        assert parameter.default is inspect.Parameter.empty, name
    assert len(changing) >= 4


def test_a_change_and_its_audit_entry_are_one_transaction(ledger: Ledger, database: Database) -> None:
    with pytest.raises(RefusedRelease):
        ledger.publish(key(), audit())
    with database.reading() as session:
        assert session.exec(select(Audit)).all() == []


def test_publishers_at_once_never_pass_the_cap(ledger: Ledger, database_url: str) -> None:
    cap, units = 100, 30
    answers = at_once(reserve_in_process, [(database_url, number, {MARCH: units}, cap) for number in range(1, 7)])
    assert sum(answer is not None for answer in answers) == 3
    assert spent(ledger) == charged(ledger) == {MARCH: 90}


@pytest.mark.parametrize(("units", "granted"), [((50, 50), 2), ((50, 51), 1), ((49, 50), 2)])
def test_two_publishers_at_the_boundary(
    ledger: Ledger, database_url: str, units: tuple[int, int], granted: int
) -> None:
    answers = at_once(reserve_in_process, [(database_url, n, {MARCH: u}, 100) for n, u in enumerate(units, 1)])
    assert sum(answer is not None for answer in answers) == granted
    assert spent(ledger) == charged(ledger)
    assert spent(ledger)[MARCH] <= 100


def test_the_same_release_asked_for_at_once_is_charged_once(ledger: Ledger, database_url: str) -> None:
    answers = at_once(reserve_in_process, [(database_url, 1, {MARCH: 60}, 100)] * 4)
    assert len(set(answers)) == 1
    assert None not in answers
    assert spent(ledger) == charged(ledger) == {MARCH: 60}


def test_weeks_that_charge_the_same_two_months_do_not_wait_for_each_other_for_ever(
    ledger: Ledger, database_url: str
) -> None:
    orders = ({MARCH: 10, APRIL: 10}, {APRIL: 10, MARCH: 10})
    answers = at_once(reserve_in_process, [(database_url, n, orders[n % 2], 1000) for n in range(1, 5)])
    assert None not in answers
    assert spent(ledger) == charged(ledger) == {MARCH: 40, APRIL: 40}
