"""A day of a simulated landing (format native) as the kernels see it, persons by number: everybody, without consent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.events.packed_key import pack
from tasks.mobility.confusion import confusion
from tasks.mobility.coverage import Coverage
from tasks.mobility.day import CellArrays, WalkRules, walk_rules
from tasks.mobility.evidence import plan_evidence
from tasks.mobility.plans import Plans, load_plans
from tasks.mobility.radio import MODELS
from tasks.mobility.tables import LakeTable
from tasks.mobility.walk import walk_partition
from tasks.period import day_start
from tasks.policy import Policy

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SimulatedDay:
    """One day of a landing."""

    landing: Path
    day: date
    policy: Policy

    @cached_property
    def plans(self) -> Plans:
        """Zone plan and cell plan."""
        return load_plans(self.landing, self.day, self.policy.time)

    @cached_property
    def cells(self) -> CellArrays:
        """The cells with their evidence."""
        return self.plans.cells.arrays(plan_evidence(self.plans, confusion(Coverage(self.plans), MODELS[:1]).served))

    @cached_property
    def rules(self) -> WalkRules:
        """The rules of the walk."""
        return walk_rules(self.policy, self.day, 1)

    @cached_property
    def start(self) -> int:
        """Epoch second of local midnight."""
        return int(day_start(self.day, self.policy.time.local).timestamp())

    @cached_property
    def ids(self) -> pa.Array:
        """Subscribers; a person's number is the index."""
        table = pq.read_table(self.landing / "subscribers.parquet", columns=["subscriber_id"])
        return table["subscriber_id"].combine_chunks()

    def persons(self, ids: pa.ChunkedArray) -> Int64:
        """Numbers of subscribers."""
        return np.asarray(pc.index_in(ids.cast(self.ids.type), value_set=self.ids), np.int64)

    def zones(self, ids: pa.ChunkedArray) -> Int64:
        """Numbers of zones, those that were merged away as the zone that took them; -1 outside."""
        number = {zone: n for n, zone in enumerate(self.plans.zones.zone_ids)}
        number |= {took: number[into] for took, into in self.plans.zones.merged.items()}
        return np.array([number.get(zone, -1) for zone in ids.cast(pa.string()).to_pylist()], np.int64)

    def seconds(self, instants: pa.ChunkedArray) -> Int64:
        """Elapsed seconds of the day."""
        return np.asarray(instants.cast(pa.timestamp("s", "UTC")).cast(pa.int64()), np.int64) - self.start

    @cached_property
    def keys(self) -> Int64:
        """Packed keys of the day's events with known subscriber, cell and time."""
        names = ["subscriber_id", "cell_id", "event_at"]
        events = pq.read_table(self.landing / "events" / f"date={self.day}", columns=names)
        cells = pa.array(self.plans.cells.cell_id, pa.string())
        cell = pc.index_in(events["cell_id"].cast(pa.string()), value_set=cells)
        person = pc.index_in(events["subscriber_id"].cast(self.ids.type), value_set=self.ids)
        known = pc.and_(pc.and_(pc.is_valid(person), pc.is_valid(cell)), pc.is_valid(events["event_at"]))
        who, where = (np.asarray(column.filter(known), np.int64) for column in (person, cell))
        second = self.seconds(events["event_at"].filter(known))
        inside = (second >= 0) & (second < self.rules.day_seconds)
        return pack(who[inside], second[inside], where[inside])

    def walked(self, tables: Sequence[LakeTable]) -> Mapping[LakeTable, pa.Table]:
        """The lake's tables; `subscriber` is a person's number."""
        return walk_partition(self.keys.copy(), self.cells, self.rules, tables).tables
