"""Steps run in their order, so many at once, and a failure stops only what needs it."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.executor import SKIPPED, STOPPED, Listener, execute, subscribe
from flows.messages import Reference
from tasks.errors import RejectedInput
from tasks.plan.states import State, Step
from tasks.refs import DayRef, Outcome

FIRST = date(2026, 3, 1)
DAYS = [str(FIRST + timedelta(days=n)) for n in range(4)]


def chain(day: str, clients: Sequence[str]) -> list[Step]:
    steps = [Step("ingest", day, State.MISSING, ""), Step("publish", day, State.MISSING, "", "footfall")]
    return steps + [Step("deliver", day, State.MISSING, "", "footfall", client) for client in clients]


class Work:
    """Steps that take a moment, some in vain; remembers when each began and ended."""

    def __init__(self, failing: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.log: list[tuple[str, tuple[str, str]]] = []
        self.most = 0
        self._failing = failing

    async def __call__(self, step: Step) -> Reference:
        self.log.append(("began", step.key))
        self.most = max(self.most, 2 * len([1 for what, _ in self.log if what == "began"]) - len(self.log))
        await asyncio.sleep(0.001 * (crc32(step.subject.encode()) % 3))
        self.log.append(("ended", step.key))
        if step.key in self._failing:
            raise RejectedInput("It is broken.", "Send it again.")
        return DayRef(FIRST, 1, Outcome.INGESTED, 1, 1)


@given(
    st.lists(st.sampled_from(["nordmarkt", "stadtlicht"]), unique=True),
    st.integers(1, 5),
    st.sets(st.tuples(st.sampled_from(["ingest", "publish"]), st.sampled_from(DAYS))),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40)
def test_whatever_the_order_and_the_failures_each_step_follows_what_it_needs(
    clients: list[str], parallel: int, vain: set[tuple[str, str]], random: object
) -> None:
    due = [step for day in DAYS for step in chain(day, clients)]
    random.shuffle(due)  # type: ignore[attr-defined]
    failing = frozenset(("ingest", day) if verb == "ingest" else ("publish", f"footfall {day}") for verb, day in vain)
    work = Work(failing)
    results = {result.step.key: result for result in asyncio.run(execute(due, work, parallel))}
    assert results.keys() == {step.key for step in due}
    assert work.most <= parallel
    for day in DAYS:
        keys = [step.key for step in chain(day, clients)]
        broken = ("ingest", day) in failing or ("publish", f"footfall {day}") in failing
        for before, after in ((0, 1), *((1, n) for n in range(2, len(keys)))):
            if results[keys[after]].outcome != SKIPPED:
                assert work.log.index(("ended", keys[before])) < work.log.index(("began", keys[after]))
        assert all(results[key].failed == broken for key in keys[2:])
        assert results[keys[1]].failed == broken


def test_one_at_a_time_they_run_in_the_order_given() -> None:
    due, work = [step for day in DAYS for step in chain(day, ["nordmarkt"])], Work()
    asyncio.run(execute(due, work, 1))
    assert [key for what, key in work.log if what == "began"] == [step.key for step in due]


def test_a_listener_hears_of_each_step_and_may_ask_that_no_further_one_begins() -> None:
    due, work = [step for day in DAYS for step in chain(day, [])], Work()
    told: list[Any] = []

    def tell(result: Any) -> None:
        told.append(result)
        listener.stop.set()

    listener = Listener(tell=tell)

    async def listened() -> list[str]:
        with subscribe(listener):
            return [result.outcome for result in await execute(due, work, 1)]

    assert asyncio.run(listened()) == ["Ingested", *[STOPPED] * 7]
    assert [result.outcome for result in told] == ["Ingested"]


def test_an_index_comes_after_its_clients_deliveries_even_if_they_fail() -> None:
    index, steps = Step("index", "", State.MISSING, "", client="nordmarkt"), chain(DAYS[0], ["nordmarkt"])
    work = Work(frozenset({("ingest", DAYS[0])}))
    outcomes = [result.outcome for result in asyncio.run(execute([index, *steps], work, 2))]
    assert outcomes == ["Ingested", "RejectedInput", SKIPPED, SKIPPED]


def test_a_derived_release_comes_after_the_releases_that_it_needs() -> None:
    drawn = chain(DAYS[0], [])
    derived = Step("publish", DAYS[0], State.MISSING, "", "derived", needs=(drawn[-1].key,))
    work = Work()
    asyncio.run(execute([derived, *drawn], work, 3))
    assert work.log.index(("ended", drawn[-1].key)) < work.log.index(("began", derived.key))
    skipped = asyncio.run(execute([*drawn, derived], Work(frozenset({drawn[-1].key})), 3))
    assert skipped[-1].outcome == SKIPPED
