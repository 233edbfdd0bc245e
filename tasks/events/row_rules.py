"""The row rules: each row of a group of files gets the first reason that applies, and its key."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.errors import StepFailed
from tasks.events.clock import Clock
from tasks.events.packed_key import REASON_SECOND, Int64, pack
from tasks.events.reasons import READ_REASONS, Reason
from tasks.period import Cadence, Period, day_start
from tasks.policy import Calendar

KEPT = 0
CODES = (*READ_REASONS, Reason.MISSING_SUBSCRIBER, Reason.UNREADABLE_ROW)
"""A row's code is 0 when kept, else 1 + its reason's place here."""
CODE = {reason: code for code, reason in enumerate(CODES, 1)}

BLANK, NOT_IN_PANEL = -1, -2
"""Instead of a rank in the panel: no subscriber in the row; one who is not in the panel."""
NOT_TODAY, UNKNOWN, ABROAD = -2, -3, -4
"""Instead of a cell's rank. NOT_TODAY: valid at no time of the day. UNKNOWN: not in the plan. ABROAD: no known cell, in
a network of another country. BLANK: no cell in the row."""
PADDED = -5
"""Instead of either rank: a text that is not known as it is, but has blanks around it."""
NO_TIME, BAD_TIME = -(1 << 62), -(1 << 62) + 1
"""Instead of a time."""
BAD_PLMN = 1
"""Flag of a row: its network is none."""

_INTERVAL = ("from_second", "to_second")

Int32 = NDArray[np.int32]
Int8 = NDArray[np.int8]
Finding = tuple[Reason, NDArray[np.bool_]]
"""A reason, and to which rows it applies."""


@dataclass(frozen=True)
class ReadContext:
    """What reading a day needs besides event files: the policy's times, and the files of its panel and cells.

    Panel (sorted by pseudonym) and cells carry seconds since the local day's start.
    """

    day: date
    time: Calendar
    panel: Path
    cells: Path
    home_mcc: int | None = None
    """The country whose networks the cell plan is of."""

    def second_of(self, day: date) -> int:
        """Seconds from this day's start to the start of another local day."""
        return int((day_start(day, self.time.local) - self.start).total_seconds())

    @property
    def start(self) -> datetime:
        """The instant at which the local day starts."""
        return day_start(self.day, self.time.local)

    def span(self, label: date) -> tuple[date, date]:
        """First and last local day that a folder may hold without its rows being far away."""
        return label - timedelta(days=self.time.lateness_days + 1), label + timedelta(days=1)

    def clock(self, label: date, zone: ZoneInfo | None = None) -> Clock:
        """The landing's clock, or that of another timezone, over a folder's span and two days around it."""
        first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in self.span(label))
        return Clock.over(zone or self.time.landing, first - timedelta(days=2), last + timedelta(days=3))


class ResolvedRows(NamedTuple):
    """Rows of a batch with ids looked up: rank of the subscriber and of the cell's first version, time, flags."""

    rank: Int32
    cell: Int32
    ticks: Int64
    """UTC seconds, or parts of them."""
    flags: Int8

    def only(self, rows: NDArray[np.intp]) -> "ResolvedRows":
        """Some of the rows."""
        return ResolvedRows(self.rank[rows], self.cell[rows], self.ticks[rows], self.flags[rows])


class ClassifiedRows(NamedTuple):
    """What became of a batch: each row's code; keys of panel members' rows, in no order; and what rows hold."""

    code: Int8
    keys: Int64
    unfit: Int8
    """Codes of rows whose time, cell or network cannot be used, regardless of their subscriber, in no order."""


class RowClassifier:
    """Classifies rows of one folder: the panel's consents and the cells' validity by rank, in seconds of the day."""

    def __init__(self, context: ReadContext, label: date, ticks_a_second: int) -> None:
        """`label`: the folder's; ranks below 0 find an empty interval at the end of each array."""
        panel, cells = (pq.ParquetFile(path).read() for path in (context.panel, context.cells))
        cells = cells.filter(pa.compute.greater_equal(cells["version"], 0)).sort_by("version")
        self._length = context.second_of(context.day + timedelta(days=1))
        self._consent_from, self._consent_to = (_padded(panel[name].to_numpy()) for name in _INTERVAL)
        self._valid_from, self._valid_to = (
            _padded(np.clip(cells[name].to_numpy(), 0, self._length)) for name in _INTERVAL
        )
        self._has_next = _has_next(cells)
        self._start, self._ticks_a_second = int(context.start.timestamp()), ticks_a_second
        first, last = context.span(label)
        self._near = context.second_of(first), context.second_of(last + timedelta(days=1))
        month = Period.holding(Cadence.MONTH, context.day)
        self._month = context.second_of(month.first), context.second_of(month.end)
        self._timeless = (NO_TIME, BAD_TIME) if label in month.days else ()

    def classify(self, rows: ResolvedRows) -> ClassifiedRows:
        """Classify a batch of rows."""
        second = self._second(rows.ticks)
        rows = rows._replace(cell=self._version_at(rows.cell, second))
        fit = (second >= self._valid_from[rows.cell]) & (second < self._valid_to[rows.cell]) & (rows.flags == 0)
        kept = fit & (second >= self._consent_from[rows.rank]) & (second < self._consent_to[rows.rank])
        code = np.where(kept, np.int8(KEPT), np.int8(CODE[Reason.NO_CONSENT]))
        # All that is left of most rows that are not kept is that their subscriber is a stranger.
        doubtful = np.flatnonzero(~kept & (rows.rank != NOT_IN_PANEL))
        code[doubtful] = _first(self._of_subscribers(rows.only(doubtful), second[doubtful]))
        aside = doubtful[(rows.rank[doubtful] >= 0) & (code[doubtful] <= len(READ_REASONS))]
        aside = aside[self._in_month(rows.ticks[aside], second[aside])]
        used = np.flatnonzero(kept)
        keys = pack(*(column[used].astype(np.int64) for column in (rows.rank, second, rows.cell)))
        reasons = code[aside].astype(np.int64) - 1
        set_aside = pack(rows.rank[aside].astype(np.int64), np.full(len(aside), REASON_SECOND), reasons)
        unfit = np.flatnonzero(~fit)
        held, then = rows.only(unfit), second[unfit]
        unfit_code = _first([*self._of_times(held, then), *self._of_cells(held, then)])
        return ClassifiedRows(code, np.concatenate([keys, set_aside]), unfit_code)

    def _in_month(self, ticks: Int64, second: Int32) -> NDArray[np.bool_]:
        """Whether rows belong to the day's own month, which pays for the profile; without a time, by their folder."""
        inside = (second >= self._month[0]) & (second < self._month[1])
        return inside | np.isin(ticks, self._timeless)

    def _second(self, ticks: Int64) -> Int32:
        """Elapsed seconds of the day; what is far away stays far away."""
        seconds = (ticks if self._ticks_a_second == 1 else ticks // self._ticks_a_second) - self._start
        limits = np.iinfo(np.int32)
        return np.clip(seconds, limits.min, limits.max).astype(np.int32)

    def _version_at(self, cell: Int32, second: Int32) -> Int32:
        """From the first version of each cell to the last that does not end before the second; few cells have two."""
        rows = np.flatnonzero(self._has_next[cell])
        if len(rows):
            cell = cell.copy()
        while len(rows):
            rows = rows[second[rows] >= self._valid_to[cell[rows]]]
            cell[rows] += 1
            rows = rows[self._has_next[cell[rows]]]
        return cell

    def _of_subscribers(self, rows: ResolvedRows, second: Int32) -> list[Finding]:
        """Which reasons apply to rows, in the order of judgement."""
        consent_from, consent_to = self._consent_from[rows.rank], self._consent_to[rows.rank]
        return [
            (Reason.MISSING_SUBSCRIBER, rows.rank == BLANK),
            *self._of_times(rows, second),
            (Reason.NO_CONSENT, (second < consent_from) | (second >= consent_to)),
            *self._of_cells(rows, second),
        ]

    def _of_times(self, rows: ResolvedRows, second: Int32) -> list[Finding]:
        today = (second >= 0) & (second < self._length)
        return [
            (Reason.MISSING_TIME, rows.ticks == NO_TIME),
            (Reason.BAD_TIME, rows.ticks == BAD_TIME),
            (Reason.OTHER_DAY, ~today & (second >= self._near[0]) & (second < self._near[1])),
            (Reason.OUTSIDE_DAY, ~today),
        ]

    def _of_cells(self, rows: ResolvedRows, second: Int32) -> list[Finding]:
        return [
            (Reason.MISSING_CELL, rows.cell == BLANK),
            (Reason.UNKNOWN_CELL, rows.cell == UNKNOWN),
            (Reason.ABROAD, rows.cell == ABROAD),
            (Reason.EXPIRED_CELL, (second < self._valid_from[rows.cell]) | (second >= self._valid_to[rows.cell])),
        ]


def _first(order: list[Finding]) -> Int8:
    """The code of the first reason that applies to each row; where none of them does, its network is none."""
    codes = [np.int8(CODE[reason]) for reason, _ in order]
    return np.select([applies for _, applies in order], codes, np.int8(CODE[Reason.BAD_PLMN]))


def _padded(seconds: Int32) -> Int32:
    return np.append(seconds, np.zeros(4, np.int32))


def _has_next(cells: pa.Table) -> NDArray[np.bool_]:
    """Whether the next version is one of the same cell; raises StepFailed if versions overlap or ranks have gaps."""
    ids, count = np.array(cells["cell_id"].to_pylist(), object), len(cells)
    same = ids[1:] == ids[:-1]
    overlap = same & (cells["to_second"].to_numpy()[:-1] > cells["from_second"].to_numpy()[1:])
    if np.any(overlap) or np.any(cells["version"].to_numpy() != np.arange(count)):
        raise StepFailed(
            "read: a cell has two versions at one time.",
            "Report it with the version of Throng.",
            "cells.versions_overlap",
        )
    return np.append(same, np.zeros(min(count, 1) + 4, bool))
