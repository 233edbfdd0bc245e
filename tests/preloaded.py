"""Imported once by the server that forks test processes: everything that verbs import and compile."""

import gc
import os
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: its threads do not survive a fork

import alembic.command
import alembic.config
import numpy.ctypeslib
import pyarrow as pa
import pytest
import sqlalchemy.dialects.postgresql.psycopg
import typer.testing
from sqlalchemy.orm import configure_mappers

import flows.cli
import flows.inline
import tasks.deliver
import tasks.engine.walking
import tasks.ingest
import tasks.plan
import tasks.publish
import tests.integration.acts
import tests.integration.soak.days
import tests.integration.verbs.acting
import tests.integration.verbs.faults
import tests.publisher
from tasks.deliverable.renderers.contract import violations
from tasks.events.files import columns_of
from tasks.privacy.noise import gaussian
from tasks.simulate import SimulationPlan, simulate
from tasks.store.buckets import Buckets
from tasks.validation import Expectation, validate
from tests.integration.verbs.acting import DAY
from tests.kernels import load_kernels
from tests.unit.deliverable.factories import grant_view, rendered

__all__ = ["alembic", "flows", "numpy", "pytest", "sqlalchemy", "tasks", "tests", "typer"]


def _warm() -> None:
    """Load kernels, templates, a first judgement by Great Expectations and by a contract's standard, and what S3 is.

    Also the columns of simulated files: DuckDB takes 16 ms of CPU to describe one.
    """
    most = {"column": "x", "max_value": 2}
    validate(pa.table({"x": [1.0]}), [Expectation("x", "ExpectColumnValuesToBeBetween", most)])
    gaussian(1.0)
    configure_mappers()
    Buckets().at("s3://nowhere")
    violations({})
    rendered(grant=grant_view(formats=("parquet", "csv", "delta")))
    load_kernels()
    with TemporaryDirectory() as folder:
        simulate(Path(folder), SimulationPlan(4, 1, DAY, seed=1, zones=12))
        for file in Path(folder).rglob("*.parquet"):
            columns_of(file)


_warm()
gc.disable()  # else each fork would copy the pages that a collection touches
gc.freeze()
