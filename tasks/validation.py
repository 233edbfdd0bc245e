"""Great Expectations behind one function: expectations in, results out, never a value of a row.

The first validation imports the library: quietly, without telemetry, and without libraries that it does not use here.
"""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from threading import Lock
from types import ModuleType
from typing import Any

import pyarrow as pa

from tasks.light_imports import light_imports

_ONE_AT_A_TIME = Lock()
"""The library keeps the project it works on in a global; days that are read at once are judged one by one."""
_UNUSED = frozenset({"boto3", "botocore"})
"""Stores that the library would offer; without them, charts and statistics, its import takes half the CPU time."""
_SELDOM_USED = frozenset({"altair", "requests", "scipy.stats"})
VERDICTS: Mapping[str, object] = {"result_format": "BOOLEAN_ONLY"}
"""The result format of all suites; counts take three times the CPU time."""
COUNTS: Mapping[str, object] = {"result_format": "BASIC", "exclude_unexpected_values": True}
"""The result format of checks that failed: counts, never the values that were unexpected."""


class ValidationStatus(StrEnum):
    """How a check ended; ERROR says that the check itself broke, so that nothing is known."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"


@dataclass(frozen=True)
class Expectation:
    """An expectation by its class name in Great Expectations (`ExpectColumnValuesToBeNull`), with its arguments."""

    name: str
    expectation: str
    arguments: Mapping[str, object]
    where: tuple[str, str] | None = None
    """(column, value): only rows that have this value are judged."""
    unless: tuple[str, str] | None = None
    """(column, value): only rows that have another value are judged."""


@dataclass(frozen=True)
class ExpectationResult:
    """How a check ended, and how many rows fail it (None if it did not fail, or is not about single rows)."""

    check: str
    status: ValidationStatus
    unexpected: int | None


Validator = Callable[[pa.Table, Sequence[Expectation]], list[ExpectationResult]]
"""Judges a table; `validate` in production."""


def validate(frame: pa.Table, checks: Sequence[Expectation]) -> list[ExpectationResult]:
    """Judge a table by Great Expectations; one verdict a check, in the order of the checks."""
    results = _judged(frame, checks, VERDICTS)
    failed = [place for place, result in enumerate(results) if result.status is ValidationStatus.FAILED]
    for place, counted in zip(failed, _judged(frame, [checks[place] for place in failed], COUNTS), strict=True):
        results[place] = counted
    return results


def _judged(frame: pa.Table, checks: Sequence[Expectation], told: Mapping[str, object]) -> list[ExpectationResult]:
    """Results in the format that is asked for.

    The library leaves caught errors in cycles, and their tracebacks would keep its callers' frames, with all that those
    have open, until they are collected. In a thread of its own it has no callers.
    """
    if not checks:
        return []
    with _ONE_AT_A_TIME, ThreadPoolExecutor(1, "judge") as apart:
        expectations = [_expectation(check, place) for place, check in enumerate(checks)]
        results = apart.submit(_run, frame, expectations, told).result()
    by_place = {result.expectation_config.meta["place"]: result for result in results}
    return [_verdict(check, by_place[place]) for place, check in enumerate(checks)]


@cache
def _library() -> ModuleType:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings(), light_imports(_UNUSED, _SELDOM_USED):
        warnings.filterwarnings("ignore", message="module 'sre_")
        import great_expectations
    return great_expectations


def _expectation(check: Expectation, place: int) -> Any:
    _library()
    from great_expectations import expectations
    from great_expectations.expectations.row_conditions import Column

    condition = {}
    if check.where:
        condition["row_condition"] = Column(check.where[0]) == check.where[1]
    if check.unless:
        condition["row_condition"] = Column(check.unless[0]) != check.unless[1]
    return getattr(expectations, check.expectation)(**check.arguments, **condition, meta={"place": place})


def _run(frame: pa.Table, expectations: list[Any], told: Mapping[str, object]) -> list[Any]:
    gx = _library()
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    project = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=project)
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("frame")
    suite = context.suites.add(gx.ExpectationSuite(name="suite", expectations=expectations))
    whole = asset.add_batch_definition_whole_dataframe("whole")
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="definition", data=whole, suite=suite))
    result = definition.run(batch_parameters={"dataframe": frame.to_pandas()}, result_format=dict(told))
    return list(result.results)


def _verdict(check: Expectation, result: Any) -> ExpectationResult:
    if _broke(result.exception_info):
        return ExpectationResult(check.name, ValidationStatus.ERROR, None)
    return ExpectationResult(
        check.name,
        ValidationStatus.PASSED if result.success else ValidationStatus.FAILED,
        result.result.get("unexpected_count"),
    )


def _broke(info: Mapping[str, Any]) -> bool:
    """Whether the check raised; the library reports it flat, or by the id of the metric that raised."""
    return any(part.get("raised_exception") for part in (info, *info.values()) if isinstance(part, Mapping))
