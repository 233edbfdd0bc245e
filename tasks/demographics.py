"""Age bands and genders, and how many residents a census counts by them and by home."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
GENDERS = ("f", "m", "x")
MARGIN_KEYS = ("district_id", "age_band", "gender")
RESIDENTS = pa.schema([(name, pa.string()) for name in ("zone_id", *MARGIN_KEYS)] + [("residents", pa.float64())])
"""Of stored margins: rows with a zone_id hold all residents of a zone; a null elsewhere means all."""


@dataclass(frozen=True)
class Margins:
    """Residents of a zone plan by a census; rows of `table` that fill the same columns are one margin."""

    table: pa.Table
    """district_id, age_band, gender (null: all of them), residents; each key once, sorted."""
    by_zone: pa.Table | None
    """zone_id, residents of all ages and genders, sorted; None if the census is not by zone."""
    source: str = ""
    """Who counted, in the file's words; empty if it does not say."""
    as_of: str = ""
    """The date of the census, ISO 8601; empty if the file does not say."""

    @cached_property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the content."""
        content = [self.stored.to_pydict(), self.source, self.as_of]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]

    @property
    def youngest(self) -> int | None:
        """The least age in years that is counted; None where no row has an age."""
        bands = self.table["age_band"].drop_null().unique().to_pylist()
        return int(min(bands)[:2]) if bands else None

    @property
    def stored(self) -> pa.Table:
        """All rows as one table (RESIDENTS), with source and date beside its schema."""
        parts = [part for part in (RESIDENTS.empty_table(), self.by_zone, self.table) if part is not None]
        rows = pa.concat_tables(parts, promote_options="default").combine_chunks()
        return rows.replace_schema_metadata({"source": self.source, "as_of": self.as_of})

    @staticmethod
    def of(stored: pa.Table) -> "Margins":
        """The margins that were stored."""
        kept = {name.decode(): value.decode() for name, value in stored.schema.metadata.items()}
        rows = stored.replace_schema_metadata(None).combine_chunks()
        zones = rows.filter(pc.is_valid(rows["zone_id"])).select(["zone_id", "residents"])
        table = rows.filter(pc.is_null(rows["zone_id"])).drop_columns(["zone_id"])
        return Margins(table, zones if zones.num_rows else None, kept["source"], kept["as_of"])
