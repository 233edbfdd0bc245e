"""The simulation as a whole: one city, its people, and day by day what they do and what the operator hears of it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.errors import Misconfigured
from tasks.simulate.census import Census, take_census
from tasks.simulate.city import City, build_city
from tasks.simulate.clock import Day
from tasks.simulate.consents import Consents, collect_consents
from tasks.simulate.data_defects import SentRows, add_defects
from tasks.simulate.files import write_table
from tasks.simulate.itinerary import build_itinerary, move_people, presence
from tasks.simulate.network import RadioNetwork, build_network
from tasks.simulate.plan import SimulationPlan
from tasks.simulate.population import People, build_population
from tasks.simulate.reference_files import write_reference_files
from tasks.simulate.rows import Sender, sendable
from tasks.simulate.signals import emit_signals
from tasks.simulate.truth import KEPT, Truth, account

Progress = Callable[[int, int], None]
Account = tuple[NDArray[np.int64], NDArray[np.int64]]
ARRIVAL_SECONDS = 2400
"""A day's files arrive so long after its end."""


@dataclass(frozen=True)
class SimulationSummary:
    """What was written. `counted` subscribers may be counted, `kept` rows are what ingest keeps if it is exact."""

    directory: Path
    subscribers: int
    counted: int
    zones: int
    cells: int
    days: int
    files: int
    rows: int
    defective: int
    kept: int


@dataclass(frozen=True)
class _World:
    plan: SimulationPlan
    city: City
    network: RadioNetwork
    people: People
    consents: Consents
    root: Path
    truth: Truth
    census: Census | None


def simulate(directory: Path, plan: SimulationPlan, progress: Progress | None = None) -> SimulationSummary:
    """Write a landing folder and its truth; `progress(done, all)` hears of every file. Raises Misconfigured."""
    if directory.exists() and any(directory.iterdir()):
        raise Misconfigured(f"{directory} is not empty.", "Name a new or an empty folder.", "simulate.folder_not_empty")
    world = _world(directory, plan)
    accounts: dict[str, Account] = {}
    for number, date in enumerate(plan.calendar):
        day = Day(date, plan.zone)
        folder = directory / "events" / f"date={date}"
        for part in range(len(plan.parts)):
            path = folder / f"part-{part:02d}.{plan.file_form}"
            accounts[path.relative_to(directory).as_posix()] = _write_part(world, part, number, day, path)
            if progress:
                progress(len(accounts), plan.days * len(plan.parts))
        if world.census:
            world.census.write_others(world.city, len(plan.parts), len(world.people), number, day)
        (folder / "_COMPLETE").touch()
        arrived = day.epoch + day.seconds + ARRIVAL_SECONDS
        for file in folder.iterdir():  # so that a landing folder looks the same at every run
            os.utime(file, (arrived, arrived))
    world.truth.write_dirty(accounts)
    return _summary(world, accounts)


def _world(directory: Path, plan: SimulationPlan) -> _World:
    city = build_city(plan)
    network, people = build_network(plan, city), build_population(plan, city)
    consents = collect_consents(plan, city, people)
    truth = Truth(directory / "truth", people.ids(plan), pa.array(city.zone_ids))
    directory.mkdir(parents=True, exist_ok=True)
    write_reference_files(directory, plan, city, network, people, consents)
    counted = people.eligible(plan.start.year) & (consents.counts_from >= 0)
    truth.write_homes(plan, city, people, np.where(counted, consents.counts_from, -1))
    census = take_census(directory, plan, city, people) if plan.census else None
    return _World(plan, city, network, people, consents, directory, truth, census)


def _write_part(world: _World, part: int, number: int, day: Day, path: Path) -> Account:
    """One file of events with its truth; memory holds one part at a time."""
    plan, city, some = world.plan, world.city, world.plan.parts[part]
    people, since = world.people.only(some), world.consents.counts_from[some]
    days = build_itinerary(plan, city, people, part, number, day)
    motion = move_people(city, days)
    clean = emit_signals(people, days, motion, world.network, day, plan.rng("signals", part, number))
    settled = since < plan.first.timestamp()
    rng = plan.rng("flaws", part, number)  # a stream keeps its name, so that a seed keeps its city
    rows = sendable(plan, _as_sent(add_defects(plan, world.network, clean, settled, day, rng), day, rng))
    table = Sender(plan, people, world.network).table(rows, day)
    write_table(path, table, np.flatnonzero(rows.have("unreadable_row")).tolist())
    zones = presence(city, motion, len(people), day)
    for truth in (world.truth, world.census.truth) if world.census else (world.truth,):
        truth.write_presence(part, some.start, zones, day)
        truth.write_itineraries(part, some.start, city, people, days, day)
    return account(rows, people.eligible(day.date.year), since, day)


def _as_sent(rows: SentRows, day: Day, rng: np.random.Generator) -> SentRows:
    """In order of time, as a probe writes them, with planted rows anywhere: duplicates need not be neighbours."""
    position = np.where(rows.defect > 0, rng.integers(0, day.seconds, len(rows)), rows.second)
    # Sorting integers that carry their row is several times faster than argsort.
    return rows.only(np.sort((position << 32) | np.arange(len(rows))) & 0xFFFFFFFF)


def _summary(world: _World, accounts: dict[str, Account]) -> SimulationSummary:
    planted, expected = (sum(account[n] for account in accounts.values()) for n in (0, 1))
    eligible = world.people.eligible(world.plan.start.year)
    return SimulationSummary(
        directory=world.root,
        subscribers=len(world.people),
        counted=int(np.sum(eligible & (world.consents.counts_from >= 0))),
        zones=len(world.city.district),
        cells=world.network.valid,
        days=world.plan.days,
        files=len(accounts),
        rows=int(np.sum(expected)),
        defective=int(np.sum(planted)),
        kept=int(np.asarray(expected)[KEPT]),
    )
