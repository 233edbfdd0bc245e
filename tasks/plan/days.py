"""The state of a day's ingest."""

from dataclasses import replace
from datetime import date, timedelta

from tasks.errors import NotArrived, ThrongError
from tasks.events.landing import DayLanding, closes_at
from tasks.events.late_arrivals import late_files
from tasks.period import Period, clock
from tasks.plan.snapshot import CatalogSnapshot
from tasks.plan.states import State, Step
from tasks.products.gate_profile import PRODUCT as GATE_PROFILE
from tasks.release import PROFILES_A_DAY
from tasks.store.tables import DayGeneration, DayState, Release

REJECTED, REFUSED = "RejectedInput", "RefusedRelease"
"""Outcomes that the schedule does not repeat: until the landing changes; until somebody acts."""
EXPIRED = "Data expired: keys and rows are destroyed; existing releases remain."


def day_step(snapshot: CatalogSnapshot, day: date) -> Step:
    """The work left for a day between landing and lake."""
    step = Step("ingest", str(day), State.DONE, "", flow_run_id=snapshot.flow_run_id("ingest", str(day)))
    current, landing = snapshot.current(day), snapshot.landing(day)
    if str(day) in snapshot.expired or str(Period.month(day)) in snapshot.expired:
        return replace(step, state=State.DONE if current else State.IMPOSSIBLE, why=EXPIRED)
    if current:
        return _in_lake(snapshot, step, current, landing)
    if isinstance(landing, NotArrived):
        return _not_arrived(snapshot, step, day, landing)
    if isinstance(landing, ThrongError):
        return replace(step, state=State.FAILED, why=str(landing))
    if not landing.closed:
        return _open(snapshot, step, day)
    return _to_do(snapshot, _priced(snapshot, step, landing), day, landing)


def _in_lake(snapshot: CatalogSnapshot, step: Step, current: DayGeneration, landing: DayLanding | ThrongError) -> Step:
    """Removed files do not make a day stale: operators clear their landing."""
    if isinstance(landing, DayLanding):
        late = late_files(snapshot.listing(current), landing.files)
        if late.arrived or late.changed:
            rows = snapshot.rates.rows(late.bytes)
            why = f"Since it was ingested: {late}{f', about {rows:,} rows' if rows else ''}."
            changed = replace(_priced(snapshot, step, landing), state=State.STALE, why=why)
            failed = snapshot.failed("ingest", step.period)
            settled = _unchanged(snapshot, snapshot.tried(current.day), landing) or (
                failed and failed.outcome == REFUSED
            )
            return replace(changed, unread=not snapshot.drawn_from(current.day), settled=bool(settled))
    return replace(step, why=f"In the lake: generation {current.generation}.", rows=current.rows_in)


def _not_arrived(snapshot: CatalogSnapshot, step: Step, day: date, fault: NotArrived) -> Step:
    if snapshot.today - day > timedelta(days=snapshot.stores.policy.policy.retention.keys_days):
        why = "Data expired: neither the landing nor the lake holds the day, and its keys would be destroyed by now."
        return replace(step, state=State.IMPOSSIBLE, why=why)
    return replace(step, state=State.WAITING, why=f"Overdue. {fault}", overdue=True)


def _open(snapshot: CatalogSnapshot, step: Step, day: date) -> Step:
    time = snapshot.stores.policy.policy.time
    why = f"Its landing is open until {clock(closes_at(day, time), time.local)}, or until _COMPLETE closes it."
    return replace(step, state=State.WAITING, why=why)


def _to_do(snapshot: CatalogSnapshot, step: Step, day: date, landing: DayLanding) -> Step:
    """The step of a closed day that is not in the lake: never tried, interrupted, rejected or failed."""
    failed, tried = snapshot.failed("ingest", str(day)), snapshot.tried(day)
    rejected = tried is not None and tried.state is DayState.REJECTED
    if step.rho and (short := snapshot.spend(GATE_PROFILE, Period.day(day))):
        return replace(step, state=State.BLOCKED, why=short)
    if failed or rejected:
        settled = failed is not None and failed.outcome == REFUSED
        if rejected or (failed and failed.outcome == REJECTED):
            settled = settled or _unchanged(snapshot, tried, landing)
        return replace(step, state=State.FAILED, why=snapshot.said(failed, "The gate stopped it."), settled=settled)
    return replace(step, state=State.MISSING, why="Its landing is closed, and it is not in the lake yet.")


def _unchanged(snapshot: CatalogSnapshot, tried: DayGeneration | None, landing: DayLanding) -> bool:
    """Whether an earlier attempt failed with the same files.

    Each attempt draws a profile, of which a day has few. Registers come anew every day: the last profile is not drawn
    for them, but left for files that come again.
    """
    if tried is None or late_files(snapshot.listing(tried), landing.files):  # before registers are hashed
        return False
    few = len(_profiles(snapshot, landing.day)) >= PROFILES_A_DAY - 1
    return few or tried.landing_digest == _digest(snapshot, landing)


def _profiles(snapshot: CatalogSnapshot, day: date) -> list[Release]:
    """The profiles that the gate has drawn of the day."""
    return snapshot.releases.get((GATE_PROFILE.name, str(day)), [])


def _paid(snapshot: CatalogSnapshot, day: date, landing: DayLanding) -> bool:
    """Whether a profile of the current landing is already charged."""
    return any(row.digests.get("landing") == _digest(snapshot, landing) for row in _profiles(snapshot, day))


def _digest(snapshot: CatalogSnapshot, landing: DayLanding) -> str:
    return snapshot.stores.digest_key.digest(landing.digest.encode())


def _priced(snapshot: CatalogSnapshot, step: Step, landing: DayLanding) -> Step:
    """Add the cost of reading the landing."""
    size, day = sum(file.bytes for file in landing.files), landing.day
    return replace(
        step,
        rho=0.0 if _paid(snapshot, day, landing) else snapshot.cost(GATE_PROFILE, Period.day(day)),
        rows=snapshot.rates.rows(size),
        seconds=snapshot.rates.seconds("ingest", size),
    )
