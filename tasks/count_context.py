"""What a product counts from: the pinned rows of a period, of the people who may be counted now."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

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

Mask = npt.NDArray[np.bool_]


def count_context(
    stores: PseudonymisedStores, product: DataProduct, period: Period, inputs: ReleaseInputs, eligible: pa.Table
) -> CountContext:
    """The context of a reserved release.

    `eligible`: pseudonym (ascending), age_band, gender, and `since`, the second of the period in which consent begins.
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
    """Rows of a period's pinned generations, without persons and days that must not be counted."""

    def __init__(
        self, stores: PseudonymisedStores, period: Period, generations: Mapping[date, int], eligible: pa.Table
    ) -> None:
        self._stores, self._period, self._eligible = stores, period, eligible
        self._files = files_of(stores, dict(generations))

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
        zone = self._stores.policy.policy.time.local
        return countable(self._stores.lake.rows(file), self._eligible, self._period, file.day, zone)


def countable(rows: pa.Table, eligible: pa.Table, period: Period, day: date, zone: ZoneInfo) -> pa.Table:
    """A day's rows of eligible persons whose consent began before the day did, with `member` and `day`.

    Any row may rest on any event of its day, also on one from before a consent that was given again on that day.
    """
    begin = (day_start(day, zone) - day_start(period.first, zone)).total_seconds()
    member = lookup_sorted(eligible["pseudonym"].to_numpy(), rows["pseudonym"].to_numpy())
    # index -1, a person who may not be counted, reads the entry that is appended
    covered = np.append(eligible["since"].to_numpy() <= begin, False)
    index = pa.repeat(np.int16((day - period.first).days), len(rows))
    return rows.append_column("member", pa.array(member)).append_column("day", index).filter(pa.array(covered[member]))


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
