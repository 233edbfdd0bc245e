"""The columns of a delivery, once: for the table, the data contract, the manifest, the read-me and verification."""

from dataclasses import dataclass

import pyarrow as pa

from tasks.deliverable.view import ReleaseView, RowStatus

INTERVAL = 0.9
"""The share of intervals that hold the true panel count."""

KEY_MEANINGS = {
    "age_band": "Age in years (-24: of age and up to 24); empty where the level does not split by age.",
    "gender": "f, m, or x (other or not stated); empty where the level does not split by gender.",
}

STATUS_MEANINGS = {
    RowStatus.ESTIMATE: "The number is published, with its interval.",
    RowStatus.WITHHELD_SMALL: "The noisy number was below the level's threshold. It is not shown, and it is not zero.",
    RowStatus.NO_COVERAGE: "No antenna of the network served this place in this hour: nothing is known.",
    RowStatus.INCOMPLETE: "The network's data of this hour did not arrive in full: nothing is known.",
}


@dataclass(frozen=True)
class DataColumn:
    """One column: Arrow type, ODCS logical type, whether it is always filled, what it says, and its allowed values."""

    name: str
    type: pa.DataType
    logical: str
    required: bool
    meaning: str
    values: tuple[str, ...] = ()


def columns(release: ReleaseView) -> tuple[DataColumn, ...]:
    """Every column in the order of the files; the product's own keys stand between hour and numbers."""
    return (*_place_and_hour(release), *_keys(release), *_numbers())


def key_columns(release: ReleaseView) -> tuple[str, ...]:
    """The columns that together name a row."""
    return ("level", "zone_id", "hour_start", *(column.name for column in _keys(release)))


def _place_and_hour(release: ReleaseView) -> tuple[DataColumn, ...]:
    text, levels = pa.string(), tuple(level.name for level in release.levels)
    local = pa.timestamp("us", release.timezone)
    return (
        DataColumn("period_start", pa.date32(), "date", True, "First local day of the period."),
        DataColumn("period_end", pa.date32(), "date", True, "First local day after the period."),
        DataColumn("level", text, "string", True, "What the row counts. Sums never mix levels.", levels),
        DataColumn("zone_id", text, "string", True, "The zone, or the district in levels of districts."),
        DataColumn(
            "zone_name",
            text,
            "string",
            True,
            "The place's name; of a district, its id. In data.csv a name that a spreadsheet would take for a formula "
            "(it begins with = + - @, a tab or a line break) stands behind an apostrophe.",
        ),
        DataColumn("hour_start", local, "timestamp", True,
                   f"When the hour begins, with its offset ({release.timezone})."),
        DataColumn("local_hour", pa.int8(), "integer", True,
                   "The hour on the local clock, 0 to 23; on the day when clocks are set "
                   "back one hour stands twice, so use hour_start as the key."),
    )  # fmt: skip


def _keys(release: ReleaseView) -> tuple[DataColumn, ...]:
    values: dict[str, tuple[str, ...]] = {}
    for level in release.levels:
        values |= level.keys
    return tuple(
        DataColumn(name, pa.string(), "string", False, KEY_MEANINGS[name], seen) for name, seen in values.items()
    )


def _numbers() -> tuple[DataColumn, ...]:
    number = pa.float64()
    empty = "; empty unless the status is estimate."
    return (
        DataColumn("panel_value", number, "number", False, "Opted-in subscribers counted, noise included" + empty),
        DataColumn("panel_se", number, "number", False, "Standard error of panel_value from the noise" + empty),
        DataColumn("panel_low", number, "number", False, f"Lower end of the {100 * INTERVAL:.0f} % interval" + empty),
        DataColumn("panel_high", number, "number", False, f"Upper end of the {100 * INTERVAL:.0f} % interval" + empty),
        DataColumn(
            "status", pa.string(), "string", True, "Whether there is a number, and if not, why.", tuple(RowStatus)
        ),
    )
