# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["datacontract-cli[duckdb]>=1.2.8,<2"]
# ///
"""The public data contract tool, in an environment of its own: it needs an older DuckDB than ours."""

from datacontract.cli import app

app()
