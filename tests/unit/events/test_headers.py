"""What is said of files that no format fits: never what stands in their first line."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import RejectedInput
from tasks.events.files import group_files
from tests.unit.events.factory import NATIVE, landing_file, write


def refused(path) -> str:
    with pytest.raises(RejectedInput) as refusal:
        group_files([landing_file(path)])
    return str(refusal.value)


@pytest.mark.parametrize(
    "line", ["jane doe,cella,call", "jane doe,cella,cell_id", "Jane,cella," + "x" * 40, "jane doe", "jane;cell_id"]
)
def test_a_first_line_of_letters_only_is_not_shown(tmp_path, line) -> None:
    said = refused(write(tmp_path / "bare.csv", f"{line}\n{line}\n".encode()))
    assert "known formats: native: subscriber_id" in said
    assert not [value for value in ("jane", "Jane", "cella", "xxx") if value in said]


def test_a_type_is_named_without_the_names_within_it(tmp_path) -> None:
    columns = {name: pa.array(["x"]) for name in NATIVE} | {"event_at": pa.array([{"CANARYROW447700900999": 1}])}
    pq.write_table(pa.table(columns), tmp_path / "deep.parquet")
    said = refused(tmp_path / "deep.parquet")
    assert "column event_at is STRUCT, which cannot be read as time" in said
    assert "CANARY" not in said
