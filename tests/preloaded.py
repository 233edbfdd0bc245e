"""Imported once by the server that forks test processes: everything that verbs import and compile."""

import gc
import os

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
from tasks.privacy.noise import gaussian
from tasks.store.buckets import Buckets
from tasks.validation import Expectation, validate
from tests.kernels import load_kernels
from tests.unit.deliverable.factories import grant_view, rendered

__all__ = ["alembic", "flows", "numpy", "pytest", "sqlalchemy", "tasks", "tests", "typer"]


def _warm() -> None:
    """Load kernels, templates, a first judgement by Great Expectations and by a contract's standard, and what S3 is."""
    most = {"column": "x", "max_value": 2}
    validate(pa.table({"x": [1.0]}), [Expectation("x", "ExpectColumnValuesToBeBetween", most)])
    gaussian(1.0)
    configure_mappers()
    Buckets().at("s3://nowhere")
    violations({})
    rendered(grant=grant_view(formats=("parquet", "csv", "delta")))
    load_kernels()


_warm()
gc.disable()  # else each fork would copy the pages that a collection touches
gc.freeze()
