"""Checks of a delivery's data against its contract."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import yaml
from open_data_contract_standard.model import DataQuality, OpenDataContractStandard, SchemaObject, SchemaProperty

from tasks.deliverable.contract_tables import TYPES
from tasks.deliverable.renderers.contract import violations
from tasks.deliverable.verifier.delivery import VerifiedDelivery
from tasks.deliverable.verifier.untrusted import FILE_BYTES, Document, refuse
from tasks.errors import shown

CONTRACT_BYTES = 1 << 18
CONTRACT_DEPTH = 20
WIDEST = 8
"""Bytes of a number, a time, or a text's place."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # of libyaml, where it is there: ten times faster


def check_contract(delivery: VerifiedDelivery, files: Mapping[str, bytes]) -> None:
    """Check the tables of a delivery, whose files have their signed checksums, by their paths."""
    schema, rows = delivery.manifest["schema"], {file["path"]: file["rows"] or 0 for file in delivery.manifest["files"]}
    label = shown(delivery.base + schema["contract"])
    contract = read_contract(files[schema["contract"]], label)
    for table in schema["tables"]:
        name, path = table["name"], table["path"]
        if name not in contract:
            refuse(f"{label} does not describe {name}.", "delivery.contract_table")
        check_parquet(files[path], table, contract[name], rows[path], shown(delivery.base + path))
        text = f"{delivery.documents}/{name}.csv"
        if text in files:
            check_csv(files[text], table, rows[text], shown(delivery.base + text))


def read_contract(content: bytes, label: str) -> dict[str, SchemaObject]:
    """The contract's tables by name, after the standard's own schema accepted the whole."""
    try:
        document, broken = _judged(content)
    except (yaml.YAMLError, ValueError):
        refuse(f"{label} is not readable YAML.", "delivery.contract_unreadable")
    if broken:
        refuse(f"{label} breaks the Open Data Contract Standard at {broken[0]}.", "delivery.contract_invalid")
    with _at_fault(label):
        tables = OpenDataContractStandard.model_validate(document).schema_ or []
    return {str(table.name): table for table in tables}


def check_parquet(content: bytes, table: Document, contract: SchemaObject, rows: int, label: str) -> None:
    """Columns, types, rows, empty fields, allowed values and doubled keys of a table's Parquet file."""
    with _at_fault(label):
        data = _parquet(content, rows, label)
        promised = [(column["name"], column["type"], not column["required"]) for column in table["columns"]]
        properties = contract.properties or []
        if [(f.name, str(f.type), f.nullable) for f in data.schema] != promised:
            refuse(f"{label} does not have the columns and types of its manifest.", "delivery.columns_differ")
        if [column.name for column in properties if not column.partitioned] != data.column_names:
            refuse(f"{label} does not have the columns of its contract.", "delivery.columns_differ")
        for column in properties:
            if not column.partitioned:
                _check_column(data[str(column.name)], column, label)
        of_folder = {column.name for column in properties if column.partitioned}
        for key in _rules(contract.quality, "duplicateValues", "properties"):
            in_file = [name for name in key if name not in of_folder]
            doubled = rows - data.group_by(in_file).aggregate([]).num_rows
            if doubled:
                refuse(f"{label}: {doubled} rows repeat a key.", "delivery.key_repeated")


def check_csv(content: bytes, table: Document, rows: int, label: str) -> None:
    """Columns and rows of a table's CSV file."""
    names = ["period", *(column["name"] for column in table["columns"])]
    with _at_fault(label):
        header = content.partition(b"\n")[0].decode().removesuffix("\r")
        if header != ",".join(names) or pa.csv.read_csv(io.BytesIO(content)).num_rows != rows:
            refuse(f"{label} does not have the columns and the {rows} rows of its manifest.", "delivery.rows_differ")


def _rules(quality: list[DataQuality] | None, metric: str, argument: str) -> Iterator[Any]:
    """That argument of each quality rule of the metric."""
    return ((rule.arguments or {}).get(argument, []) for rule in quality or [] if rule.metric == metric)


@lru_cache(maxsize=8)
def _judged(content: bytes) -> tuple[Any, list[str]]:
    """The parsed contract and its violations. Most deliveries of a product have the same contract."""
    document = _bounded(content)
    return document, violations(document)


def _bounded(content: bytes) -> Any:
    """Parse small, flat YAML. Aliases can expand without bound, and deep nesting takes hours to parse."""
    if len(content) > CONTRACT_BYTES:
        raise ValueError("size")
    depth = 0
    for event in yaml.parse(content, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > CONTRACT_DEPTH:
            raise ValueError("shape")
    return yaml.load(content, _LOADER)  # noqa: S506  (either loader is a safe one)


@contextmanager
def _at_fault(label: str) -> Iterator[None]:
    """Turn any error of the reading libraries into RefusedDelivery for this file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        refuse(f"{label} cannot be read as its contract says.", "delivery.data_unreadable")


def _parquet(content: bytes, rows: int, label: str) -> pa.Table:
    """The table. Its texts are read packed first: a few bytes can stand for the same text in every row."""
    schema = pa.parquet.read_schema(io.BytesIO(content))
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    file = pa.parquet.ParquetFile(io.BytesIO(content), read_dictionary=texts)
    if file.metadata.num_rows != rows:
        refuse(f"{label} does not have the {rows} rows of its manifest.", "delivery.rows_differ")
    unpacked = sum(file.metadata.row_group(n).total_byte_size for n in range(file.num_row_groups))
    flat = all(str(field.type) in TYPES for field in schema)
    if not flat or max(unpacked, rows * len(schema) * WIDEST) > FILE_BYTES:
        refuse(f"{label} is too large, or nested.", "delivery.data_too_large")
    data = file.read()
    chunks = [chunk for name in texts for chunk in data[name].chunks]
    if sum(len(chunk) * (pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0) for chunk in chunks) > FILE_BYTES:
        refuse(f"{label} is too large, or nested.", "delivery.data_too_large")
    return data.cast(schema)


def _check_column(values: pa.ChunkedArray, column: SchemaProperty, label: str) -> None:
    name = shown(str(column.name))
    if column.required and values.null_count:
        refuse(f"{label}: {name} is required, and {values.null_count} rows lack it.", "delivery.value_missing")
    for allowed in _rules(column.quality, "invalidValues", "validValues"):
        known = pc.is_in(values.drop_null(), value_set=pa.array(allowed, values.type))
        if invalid := pc.sum(pc.invert(known)).as_py():
            refuse(f"{label}: {invalid} rows have a {name} that the contract forbids.", "delivery.value_invalid")
