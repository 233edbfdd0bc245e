"""A client's file for the real S3 server beside: what the demo, `make up` and tests grant."""

from datetime import date

_TEXT = """[client]
name = "{name}"
contact = "data@{name}.example"

[destination]
bucket = "{bucket}"
prefix = "{prefix}"
region = "eu-central-1"
endpoint_url = "{endpoint}"
profile = "{name}"

[[grants]]
product = "footfall"
zones = ["{zones}"]
from = {since}
{until}formats = ["parquet", "csv"]
deliver_by = "09:00"
"""


def client_file(
    name: str,
    bucket: str,
    endpoint: str,
    since: date,
    until: date | None = None,
    zones: str = "*",
    prefix: str = "throng",
) -> str:
    """The text of a client's file that grants footfall, delivered under the profile of the client's name."""
    last = f"until = {until}\n" if until else ""
    words = {"name": name, "bucket": bucket, "endpoint": endpoint, "since": since, "zones": zones, "prefix": prefix}
    return _TEXT.format(until=last, **words)
