"""Where the ingest of a day stands."""

from dataclasses import replace
from datetime import date, timedelta

from tasks.errors import NotArrived, RejectedInput
from tasks.events.landing import DayLanding, closes_at
from tasks.events.late import late_files
from tasks.period import Period
from tasks.plan.known import Known
from tasks.plan.states import State, Step
from tasks.products.catalogue import GATE_PROFILE
from tasks.store.tables import DayGeneration, DayState

REJECTED, REFUSED = "RejectedInput", "RefusedRelease"
"""How runs ended that a schedule does not repeat: until the landing changes; until people do something."""


def day_step(known: Known, day: date) -> Step:
    """What there is to do for a day between landing and lake."""
    step = Step("ingest", str(day), State.DONE, "", flow_run_id=known.flow_run_id("ingest", str(day)))
    current, landing = known.current(day), known.landing(day)
    if current:
        return _in_lake(known, step, current, landing)
    if isinstance(landing, NotArrived):
        return _not_arrived(known, step, day, landing)
    if isinstance(landing, RejectedInput):
        return replace(step, state=State.FAILED, why=str(landing))
    if not landing.closed:
        return _open(known, step, day)
    return _to_do(known, _priced(known, step, landing), day, landing)


def _in_lake(known: Known, step: Step, current: DayGeneration, landing: DayLanding | RejectedInput) -> Step:
    """Files that are gone do not make a day stale: operators clear their landing."""
    if isinstance(landing, DayLanding):
        late = late_files(known.listing(current), landing.files)
        if late.arrived or late.changed:
            rows = known.rates.rows(late.bytes)
            why = f"Since it was ingested: {late}{f', about {rows:,} rows' if rows else ''}."
            changed = replace(_priced(known, step, landing), state=State.STALE, why=why)
            settled = _unchanged(known, known.tried(current.day), landing)
            return replace(changed, unread=not known.drawn_from(current.day), settled=settled)
    return replace(step, why=f"In the lake: generation {current.generation}.", rows=current.rows_in)


def _not_arrived(known: Known, step: Step, day: date, fault: NotArrived) -> Step:
    if known.today - day > timedelta(days=known.stores.policy.policy.retention.keys_days):
        why = "Data expired: neither the landing nor the lake holds the day any more."
        return replace(step, state=State.IMPOSSIBLE, why=why)
    return replace(step, state=State.WAITING, why=f"Overdue. {fault}", overdue=True)


def _open(known: Known, step: Step, day: date) -> Step:
    time = known.stores.policy.policy.time
    closes = closes_at(day, time).astimezone(time.local)
    why = f"Its landing is open until {closes:%Y-%m-%d %H:%M}, or until _COMPLETE closes it."
    return replace(step, state=State.WAITING, why=why)


def _to_do(known: Known, step: Step, day: date, landing: DayLanding) -> Step:
    """A closed day that is not in the lake: never tried, cut off, rejected, or failed."""
    failed, tried = known.failed("ingest", str(day)), known.tried(day)
    rejected = tried is not None and tried.state is DayState.REJECTED
    if short := known.spend(GATE_PROFILE, Period.day(day)):
        return replace(step, state=State.BLOCKED, why=short)
    if failed or rejected:
        settled = failed is not None and failed.outcome == REFUSED
        if tried and (rejected or (failed and failed.outcome == REJECTED)):
            settled = _unchanged(known, tried, landing)
        return replace(step, state=State.FAILED, why=known.said(failed, "The gate stopped it."), settled=settled)
    return replace(step, state=State.MISSING, why="Its landing is closed, and it is not in the lake yet.")


def _unchanged(known: Known, tried: DayGeneration | None, landing: DayLanding) -> bool:
    """Whether an attempt in vain was made from the very files that are there now, registers and plans among them."""
    return tried is not None and tried.landing_digest == known.stores.keys.digest(landing.digest.encode())


def _priced(known: Known, step: Step, landing: DayLanding) -> Step:
    """With what reading the landing would cost."""
    size = sum(file.bytes for file in landing.files)
    return replace(
        step,
        rho=known.price(GATE_PROFILE, Period.parse(step.period)),
        rows=known.rates.rows(size),
        seconds=known.rates.seconds("ingest", size),
    )
