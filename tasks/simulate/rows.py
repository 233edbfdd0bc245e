"""Rows as each event format writes them; clean rows mean the same in every one."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.simulate.clock import Day
from tasks.simulate.data_defects import DEFECTS, UNKNOWN_CELLS, SentRows
from tasks.simulate.network import RadioNetwork
from tasks.simulate.plan import SimulationPlan
from tasks.simulate.population import HOME_MCC, People
from tasks.simulate.signals import EVENT_TYPES

BAD_TIMES = ("2026-13-45T99:99:99", "yesterday", "2026-02-30T12:00:00", "00:61")
OWN_PLMN = 26203


@dataclass(frozen=True)
class Sender:
    """What the rows of one part need beside themselves: the part's people and the network."""

    plan: SimulationPlan
    people: People
    network: RadioNetwork

    @cached_property
    def ids(self) -> pa.Array:
        """[person] id as the format has it: text, or 16 bytes in eurostat Parquet."""
        if self.plan.format != "eurostat" or self.plan.file_form != "parquet":
            return self.people.ids(self.plan)
        return pa.array([words.tobytes() for words in self.people.hashed()])

    @cached_property
    def cell_ids(self) -> pa.Array:
        """[cell] ids of the network, then those that no plan has."""
        return pa.array([*self.network.cell_ids, *(f"2620399{n:08d}" for n in range(UNKNOWN_CELLS))])

    def table(self, rows: SentRows, day: Day) -> pa.Table:
        """The rows as a table, in their order."""
        write = {"native": _native, "eurostat": _eurostat, "flowkit": _flowkit}[self.plan.format]
        return write(self, rows, day)


def sendable(plan: SimulationPlan, rows: SentRows) -> SentRows:
    """A defect that the form cannot have: a duplicate. Only lines break, only text is no time, only one has a PLMN."""
    typed, eurostat = plan.file_form == "parquet", plan.format == "eurostat"
    impossible = {"unreadable_row": typed, "bad_time": typed and not eurostat, "bad_plmn": not eurostat}
    changed = rows.have(*(defect for defect, so in impossible.items() if so))
    return replace(rows, defect=np.where(changed, DEFECTS.index("duplicate"), rows.defect).astype(np.int8))


def _native(sender: Sender, rows: SentRows, day: Day) -> pa.Table:
    return pa.table(
        {
            "subscriber_id": _coded(rows.person, sender.ids),
            "event_at": _instants(sender, rows, day, "T"),
            "cell_id": _coded(rows.cell, sender.cell_ids),
            "event_type": _coded(rows.event_type, pa.array(EVENT_TYPES)),
        }
    )


def _eurostat(sender: Sender, rows: SentRows, day: Day) -> pa.Table:
    size, mcc = len(rows), np.where(rows.person < 0, HOME_MCC, sender.people.home_mcc[rows.person])
    label = {"year": day.date.year, "month": day.date.month, "day": day.date.day}
    return pa.table(
        {
            "user_id": _coded(rows.person, sender.ids),
            "timestamp": _texts(rows, day, day.naive_texts, " ", 19),
            "mcc": pa.array(mcc, pa.int32()),
            "mnc": _coded((mcc != HOME_MCC).astype(np.int32), pa.array(["03", "01"])),
            "plmn": np.where(rows.have("bad_plmn"), 99, OWN_PLMN).astype(np.int32),
            "cell_id": _coded(rows.cell, sender.cell_ids),
            **{name: pa.nulls(size, pa.float32()) for name in ("latitude", "longitude", "loc_error")},
            **{name: np.full(size, value, np.int16) for name, value in label.items()},
        }
    )


def _flowkit(sender: Sender, rows: SentRows, day: Day) -> pa.Table:
    size = len(rows)
    return pa.table(
        {
            "datetime": _instants(sender, rows, day, " "),
            "msisdn": _coded(rows.person, sender.ids),
            "outgoing": pa.array(rows.event_type % 2 == 0),
            "location_id": _coded(rows.cell, sender.cell_ids),
            "operator_code": np.full(size, 3, np.int16),
            "country_code": np.full(size, HOME_MCC, np.int16),
        }
    )


def _coded(numbers: NDArray[Any], names: pa.Array) -> pa.DictionaryArray:
    """Names by number; a negative number is an empty field."""
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32), mask=numbers < 0), names)


def _instants(sender: Sender, rows: SentRows, day: Day, between: str) -> pa.Array:
    if sender.plan.file_form == "parquet":
        return day.stamps(rows.second, rows.have("missing_time"))
    return _texts(rows, day, day.offset_texts, between)


def _texts(rows: SentRows, day: Day, within: list[str], between: str, end: int | None = None) -> pa.DictionaryArray:
    """Times as text: those of the day from its list, others written one by one, bad ones as they came."""
    bad, number = rows.have("bad_time"), rows.second.copy()
    other = np.flatnonzero(((number < 0) | (number >= day.seconds)) & ~bad)
    number[other] = day.seconds + len(BAD_TIMES) + np.arange(len(other))
    number[bad] = day.seconds + number[bad] % len(BAD_TIMES)
    number[rows.have("missing_time")] = -1
    written = [day.instant(second).isoformat(between)[:end] for second in rows.second[other].tolist()]
    # Each text once: behind one that is repeated, Arrow leaves the end of Parquet's page to chance.
    texts = pa.array([*within, *BAD_TIMES, *written]).dictionary_encode()
    return pa.DictionaryArray.from_arrays(texts.indices.take(pa.array(number, mask=number < 0)), texts.dictionary)
