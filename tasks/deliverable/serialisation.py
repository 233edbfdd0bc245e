"""Serialisation with fixed settings: equal content gives equal bytes."""

import json
import re
from datetime import UTC, datetime

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


def instant(time: datetime) -> str:
    """An instant as ISO 8601 in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_text(table: pa.Table) -> pa.Table:
    """The table as CSV holds it: times as ISO 8601 in UTC, names that no spreadsheet runs as formulas."""
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, _iso(table[field.name]))
        elif field.name.endswith("_name"):
            table = table.set_column(index, field.name, _inert(table[field.name]))
    return table


def _iso(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.strftime(times.cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%SZ")


def _inert(names: pa.ChunkedArray) -> pa.ChunkedArray:
    formula = pc.match_substring_regex(names, f"^{FORMULA.pattern}")
    return pc.if_else(formula, pc.binary_join_element_wise("'", names, ""), names)
