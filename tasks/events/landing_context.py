"""The context of an event file in a landing: ids that identify its columns, and its folder's day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from tasks.errors import RejectedInput
from tasks.events import duckdb_session
from tasks.events.clock import Clock
from tasks.events.formats import Formats
from tasks.events.formats.sections import Ids
from tasks.events.landing import find_register
from tasks.events.reference_tables import ID, open_reference_table

MEMORY = "2GB"


@dataclass(frozen=True)
class LandingContext:
    """Of a landing, as far as it can be read."""

    cells: Sequence[str] | None = None
    """Ids of the cell plan."""
    key: Sequence[str] = ()
    """The roles that make these ids."""
    people: pa.Array | None = None
    """Ids of the register of subscribers, as they stand there."""
    ids: Ids = field(default_factory=Ids)
    """The rule by which ids are compared."""
    label: date | None = None
    """The day of the event file's folder."""


def subscriber_ids(root: Path, formats: Formats) -> pa.Array | None:
    """The ids in a landing's register of subscribers as they stand there; None if it cannot be read."""
    plain = formats.model_copy(update={"ids": Ids(binary=formats.ids.binary)})
    try:
        register = open_reference_table(find_register(root, "subscribers"), (ID,), (), Clock((), 0), plain)
        with duckdb_session.connect(MEMORY, 1, None) as con:
            found = con.sql(f"SELECT {register.text(ID)} AS id FROM {register.table}", params=register.parameters)
            return found.to_arrow_table()["id"].combine_chunks()
    except duckdb.Error as error:
        duckdb_session.raise_unless_the_files(error)
        return None
    except RejectedInput:
        return None
