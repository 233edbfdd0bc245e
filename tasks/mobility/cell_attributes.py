"""What a cell plan says of antennas: numbers where a value fits, else NaN."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.events.plan_rules import ATTRIBUTES, with_point
from tasks.mobility.cell_files import DIRECTIONALITY, CellFile
from tasks.mobility.columns import is_text, plain

RADIO = ("azimuth", "beam_width", "range_m", "height_m", "power_w", "technology")
"""Columns of `Topology.radio` and `CellPlan.radio`: degrees, degrees, metres, metres, watts, generation (2 to 6)."""
_OMNIDIRECTIONAL = "0"
"""`directionality` of a Eurostat cell whose azimuth says nothing."""
_GENERATIONS: Mapping[str, float] = {
    **dict.fromkeys(("gsm", "edge", "2g"), 2.0),
    **dict.fromkeys(("umts", "wcdma", "hspa", "cdma", "3g"), 3.0),
    **dict.fromkeys(("lte", "nb-iot", "4g"), 4.0),
    **dict.fromkeys(("nr", "5g"), 5.0),
    "6g": 6.0,
}


def radio_attributes(file: CellFile) -> NDArray[np.float64]:
    """[row, attribute] in the order of RADIO; NaN where the file has no value, or one that breaks its rule."""
    radio = np.stack([_judged(file, name)[0] for name in RADIO], axis=1)
    values, where = _texts(file, DIRECTIONALITY)
    radio[np.array([value == _OMNIDIRECTIONAL for value in values], bool)[where], RADIO.index("azimuth")] = np.nan
    return radio


def odd_values(file: CellFile, attribute: str) -> NDArray[np.bool_]:
    """Rows with a value that does not fit."""
    return _judged(file, attribute)[1]


def _judged(file: CellFile, attribute: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The values that fit, else NaN; and which do not. Few values differ, so each is judged once."""
    values, where = _texts(file, attribute)
    fits = ATTRIBUTES[attribute][1]
    read = np.array([_number(attribute, value) if value and fits(value) else np.nan for value in values], np.float64)
    odd = np.array([bool(value) for value in values], bool) & np.isnan(read)
    return read[where], odd[where]


def _number(attribute: str, value: str) -> float:
    if attribute != "technology":
        return float(value)
    return next(number for name, number in _GENERATIONS.items() if value.casefold().startswith(name))


def _texts(file: CellFile, attribute: str) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct values without blanks around them, empty for none; and the one of each row. No text, a list say: `?`."""
    if attribute not in file.attributes:
        return [""], np.zeros(len(file.table), np.int64)
    column = plain(file.table[file.attributes[attribute]])
    try:
        texts = column.cast(pa.string()).fill_null("")
    except pa.ArrowException:
        texts = pc.if_else(column.is_valid(), "?", "")
    coded, decimal = texts.dictionary_encode(), file.format.decimal if is_text(column.type) else "."
    values = [with_point(value.strip(), decimal) for value in coded.dictionary.to_pylist()]
    return values, np.asarray(coded.indices, np.int64)
