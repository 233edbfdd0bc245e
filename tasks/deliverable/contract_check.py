"""Whether the data of a delivery is what its contract promises."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import yaml  # type: ignore[import-untyped]
from pydantic import Field, ValidationError

from tasks.deliverable.renderers.contract import violations
from tasks.deliverable.untrusted_reader import FILE_BYTES, UntrustedDocument, refuse
from tasks.errors import shown

CONTRACT_BYTES = 1 << 18
CONTRACT_DEPTH = 20


class RuleArguments(UntrustedDocument):
    """What a quality rule is about."""

    properties: tuple[str, ...] = ()
    validValues: tuple[str, ...] = ()


class QualityRule(UntrustedDocument):
    """A quality rule of the contract."""

    metric: str = ""
    arguments: RuleArguments = RuleArguments()


class ContractColumn(UntrustedDocument):
    """A column of the contract."""

    name: str
    physicalType: str
    required: bool = False
    quality: tuple[QualityRule, ...] = ()


class ContractTable(UntrustedDocument):
    """The contract's one table."""

    properties: tuple[ContractColumn, ...] = Field(min_length=1)
    quality: tuple[QualityRule, ...] = ()

    @property
    def names(self) -> list[str]:
        """The columns' names in order."""
        return [column.name for column in self.properties]


class _Contract(UntrustedDocument):
    tables: tuple[ContractTable, ...] = Field(alias="schema", min_length=1, max_length=1)


def read_contract(content: bytes, label: str) -> ContractTable:
    """The contract's one table, after the standard's own schema accepted the whole."""
    try:
        document = _bounded(content)
    except (yaml.YAMLError, ValueError):
        refuse(f"{label} is not readable YAML.", "delivery.contract_unreadable")
    broken = violations(document)
    if broken:
        refuse(f"{label} breaks the Open Data Contract Standard at {broken[0]}.", "delivery.contract_invalid")
    try:
        return _Contract.model_validate(document, strict=False).tables[0]
    except ValidationError:
        refuse(f"{label} does not describe one table with its columns and types.", "delivery.contract_table")


def check_parquet(content: bytes, table: ContractTable, rows: int, label: str) -> None:
    """Columns, types, rows, empty fields, allowed values and doubled keys of data.parquet."""
    with _at_fault(label):
        data = _parquet(content, rows, label)
        promised = [(column.name, column.physicalType) for column in table.properties]
        if [(field.name, str(field.type)) for field in data.schema] != promised:
            refuse(f"{label} does not have the columns and types of its contract.", "delivery.columns_differ")
        for column in table.properties:
            _check_column(data[column.name], column, label)
        for rule in table.quality:
            if rule.metric == "duplicateValues":
                _check_keys(data, rule.arguments.properties, label)


def check_csv(content: bytes, table: ContractTable, rows: int, label: str) -> None:
    """Columns and rows of data.csv."""
    with _at_fault(label):
        data = pa.csv.read_csv(io.BytesIO(content))
    if data.column_names != table.names or data.num_rows != rows:
        refuse(f"{label} does not have the columns and the {rows} rows that it should have.", "delivery.rows_differ")


def _bounded(content: bytes) -> Any:
    """Parse YAML that is small and flat: aliases stand for huge documents, and deep nesting takes hours to parse."""
    if len(content) > CONTRACT_BYTES:
        raise ValueError("size")
    depth = 0
    for event in yaml.parse(content, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > CONTRACT_DEPTH:
            raise ValueError("shape")
    return yaml.safe_load(content)


@contextmanager
def _at_fault(label: str) -> Iterator[None]:
    """Read what others wrote: whatever the libraries raise, that file is at fault."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        refuse(f"{label} cannot be read as its contract says.", "delivery.data_unreadable")


def _parquet(content: bytes, rows: int, label: str) -> pa.Table:
    file = pa.parquet.ParquetFile(io.BytesIO(content))
    unpacked = sum(file.metadata.row_group(n).total_byte_size for n in range(file.num_row_groups))
    if unpacked > FILE_BYTES or file.metadata.num_rows != rows:
        refuse(
            f"{label} does not have the {rows} rows that the manifest states, or is too large unpacked.",
            "delivery.rows_differ",
        )
    return file.read()


def _check_column(values: pa.ChunkedArray, column: ContractColumn, label: str) -> None:
    if column.required and values.null_count:
        refuse(
            f"{label}: {values.null_count} rows lack {shown(column.name)}, which the contract requires.",
            "delivery.value_missing",
        )
    for rule in column.quality:
        if rule.metric == "invalidValues":
            allowed = pa.array(rule.arguments.validValues, values.type)
            invalid = pc.sum(pc.invert(pc.is_in(values.drop_null(), value_set=allowed))).as_py()
            if invalid:
                refuse(
                    f"{label}: {invalid} rows have a {shown(column.name)} that the contract does not allow.",
                    "delivery.value_invalid",
                )


def _check_keys(data: pa.Table, keys: tuple[str, ...], label: str) -> None:
    doubled = data.num_rows - data.group_by(list(keys)).aggregate([]).num_rows
    if doubled:
        refuse(f"{label}: {doubled} rows repeat a key.", "delivery.key_repeated")
