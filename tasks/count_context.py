"""What a product counts from: the pinned rows of a period, of the people who may be counted now."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.events.gate_metrics import incomplete_hours
from tasks.mobility.home_location import HomeRules
from tasks.mobility.tables import LakeTable
from tasks.mobility.zones import stored_plan
from tasks.period import Period, day_start
from tasks.privacy.bounds import defect
from tasks.products.spec import CountContext, DataProduct
from tasks.release import ReleaseInputs, day_profile, rules_of
from tasks.release_inputs import files_of
from tasks.store import PseudonymisedStores
from tasks.store.lake import LakeFile

HOUR = 3600
Mask = npt.NDArray[np.bool_]


def count_context(
    stores: PseudonymisedStores, product: DataProduct, period: Period, inputs: ReleaseInputs, eligible: pa.Table
) -> CountContext:
    """The context of a reserved release.

    `eligible`: pseudonym (ascending), age_band, gender, and `since`, the second of the period from which rows count.
    """
    policy = stores.policy.policy
    generations = {date.fromisoformat(day): number for day, number in inputs.generations.items()}
    return CountContext(
        period=period,
        zones=stored_plan(stores.lake.plan(inputs.zone_plan)),
        timezone=policy.time.local,
        eligible=eligible,
        rules={rule.name: rule for rule in rules_of(product, period, policy)},
        rows=_PeriodRows(stores, period, generations, eligible).of,
        covered=lambda day: stores.lake.coverage(day, generations[day]),
        incomplete=lambda day: _incomplete(stores, day, generations[day]),
        ingested=tuple(sorted(generations)),
        home=HomeRules(
            policy.home.min_night_minutes * len(generations), policy.home.min_work_minutes * len(generations)
        ),
    )


class _PeriodRows:
    """Rows of a period's pinned generations, without persons and times that must not be counted."""

    def __init__(
        self, stores: PseudonymisedStores, period: Period, generations: Mapping[date, int], eligible: pa.Table
    ) -> None:
        self._stores, self._period = stores, period
        self._files = files_of(stores, dict(generations))
        self._people = eligible["pseudonym"].to_numpy()
        # index -1, a person who may not be counted, reads the entry that is appended: no row is late enough
        self._since = np.append(eligible["since"].to_numpy().astype(np.int64), np.iinfo(np.int64).max)

    def of(self, table: LakeTable) -> Iterator[pa.Table]:
        """The table's rows, one partition of the lake at a time, ascending by person, then by day."""
        if table.pseudonym is not self._period.cadence:
            raise defect(f"{table.name} has the pseudonyms of a {table.pseudonym}, not of {self._period}")
        files = [file for file in self._files if file.table == table.name and file.period == self._period]
        ordered = sorted(files, key=lambda file: (file.partition, file.day))
        for _, same in groupby(ordered, key=lambda file: file.partition):
            rows = pa.concat_tables(self._countable(file) for file in same)
            yield rows.take(pa.array(np.argsort(rows["pseudonym"].to_numpy(), kind="stable")))

    def _countable(self, file: LakeFile) -> pa.Table:
        """A file's rows of eligible persons after their consent, with `member` and `day`."""
        rows = self._stores.lake.rows(file)
        member, day = lookup_sorted(self._people, rows["pseudonym"].to_numpy()), (file.day - self._period.first).days
        rows = rows.append_column("member", pa.array(member)).append_column("day", pa.repeat(np.int16(day), len(rows)))
        return rows.filter(pa.array(self._since[member] < self._before(file, rows)))

    def _before(self, file: LakeFile, rows: pa.Table) -> npt.NDArray[np.int64]:
        """The second of the period before which consent of each row must begin: its hour's end, or the day's start."""
        begin = self._second(file.day)
        if "hour" in rows.column_names:
            ends: npt.NDArray[np.int64] = begin + (rows["hour"].to_numpy().astype(np.int64) + 1) * HOUR
            return ends
        # a row of the whole day may rest on events from before a consent that was given again on that day
        return np.full(len(rows), begin + 1)

    def _second(self, day: date) -> int:
        """Elapsed seconds from the period's local start to a day's."""
        zone = self._stores.policy.policy.time.local
        return int((day_start(day, zone) - day_start(self._period.first, zone)).total_seconds())


def lookup_sorted(sorted_ids: npt.NDArray[np.uint64], ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The index of each id among the sorted ids, -1 where it is missing."""
    if not len(sorted_ids):
        return np.full(len(ids), -1)
    place = np.minimum(np.searchsorted(sorted_ids, ids), len(sorted_ids) - 1)
    return np.where(sorted_ids[place] == ids, place, -1)


def _incomplete(stores: PseudonymisedStores, day: date, generation: int) -> Mask:
    """Hours that the noisy profile shows to be empty."""
    revision = stores.catalog.generation(day, generation).profile_revision
    return np.array(incomplete_hours(day_profile(stores, day, revision), stores.policy.policy.gate.rules))
