# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["datacontract-cli[duckdb]>=1.2.8,<2"]
# ///
"""The public data contract tool, in an environment of its own: it needs an older DuckDB than ours.

Reads commands, a JSON list of words a line, and answers each with its exit code and output.
"""

import json
import sys

from datacontract.cli import app
from typer.testing import CliRunner

for line in sys.stdin:
    ran = CliRunner().invoke(app, json.loads(line))
    print(json.dumps([ran.exit_code, f"{ran.output}{ran.exception or ''}"]), flush=True)
