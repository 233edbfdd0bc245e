"""contract.yaml: the Open Data Contract Standard v3 description of a product's tables."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft201909Validator  # type: ignore[import-untyped]
from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    Description,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)

from tasks.deliverable.columns import DataColumn, columns, key_columns
from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.statements import PERMITTED_USE
from tasks.deliverable.view import LevelView, ReleaseView, TableView

API_VERSION = "v3.1.0"


def contract(content: RenderInput) -> bytes:
    """The data contract of a product version, as YAML."""
    release = content.release
    document = OpenDataContractStandard(
        apiVersion=API_VERSION,
        kind="DataContract",
        id=f"throng.{release.product}.v{release.version}",
        name=release.product,
        version=f"{release.version}.0.0",
        status="active",
        description=Description(
            purpose=" ".join(f"{level.name}: {level.meaning}" for level in release.levels),
            usage=PERMITTED_USE,
            limitations="Numbers count opted-in subscribers, not the population. Every number carries noise; its "
            "interval says how much. A number below its level's threshold is withheld: that is not zero.",
        ),
        schema=[_table(release, table) for table in release.tables],
    )
    return document.to_yaml().encode()


def violations(document: Any) -> list[str]:
    """Places and rules of the standard's JSON schema that a parsed contract breaks; none of its values."""
    return [
        f"{'.'.join(str(part) for part in fault.absolute_path) or 'contract'}: {fault.validator}"
        for fault in _standard().iter_errors(document)
    ]


@cache
def _standard() -> Draft201909Validator:
    schema = files("open_data_contract_standard") / "schema.json"
    return Draft201909Validator(json.loads(schema.read_text(encoding="utf-8")))


def _table(release: ReleaseView, table: TableView) -> SchemaObject:
    return SchemaObject(
        name=table.name,
        physicalName=table.name,
        physicalType="table",
        logicalType="object",
        description=" ".join(level.meaning for level in table.levels),
        dataGranularityDescription="One row for each granted key of each level, published or not.",
        properties=[_property(column) for column in columns(release, table)],
        quality=[
            DataQuality(
                type="library",
                metric="duplicateValues",
                arguments={"properties": list(key_columns(table))},
                mustBe=0,
                description="These columns together name a row.",
            )
        ],
        customProperties=[CustomProperty(property="levels", value=[_level(level) for level in table.levels])],
    )


def _property(column: DataColumn) -> SchemaProperty:
    valid = DataQuality(
        type="library", metric="invalidValues", arguments={"validValues": [str(v) for v in column.values]}, mustBe=0
    )
    return SchemaProperty(
        name=column.name,
        logicalType=column.logical,
        physicalType=str(column.type),
        required=column.required,
        description=column.meaning,
        quality=[valid] if column.values else None,
    )


def _level(level: LevelView) -> dict[str, object]:
    return {
        "name": level.name,
        "meaning": level.meaning,
        "additiveOver": level.additive_columns,
        "threshold": level.threshold,
    }


RENDERER = Renderer("contract", "contract.yaml", "application/yaml", "the data contract, for machines", contract)
