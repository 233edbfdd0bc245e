"""Serialisation with fixed settings: equal content gives equal bytes."""

import json
import re

import pyarrow as pa
import pyarrow.compute as pc

FORMULA = re.compile(r"[=+\-@\t\r\n]")
"""How a formula begins in a spreadsheet."""


def to_json(value: object) -> bytes:
    """Readable JSON with sorted keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2)
    return f"{text}\n".encode()


def to_compact_json(value: object) -> bytes:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def as_text(table: pa.Table) -> pa.Table:
    """The table as data.csv holds it: times as ISO 8601 with offset, names that no spreadsheet runs as formulas."""
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, _with_offset(table[field.name]))
        elif field.name.endswith("zone_name"):
            table = table.set_column(index, field.name, _inert(table[field.name]))
    return table


def _with_offset(times: pa.ChunkedArray) -> pa.Array:
    coded = times.combine_chunks().dictionary_encode()
    return pa.array([time.isoformat() for time in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def _inert(names: pa.ChunkedArray) -> pa.ChunkedArray:
    formula = pc.match_substring_regex(names, f"^{FORMULA.pattern}")
    return pc.if_else(formula, pc.binary_join_element_wise("'", names, ""), names)
