"""Inputs that tests of several packages share."""


def client_toml(zones: str = '["*"]', formats: str = '["parquet"]') -> str:
    """A client's file, as an operator writes it, with one grant of footfall."""
    return f"""
[client]
name = "nordmarkt"
contact = "data@nordmarkt.example"
[destination]
bucket = "nordmarkt-insights"
prefix = "throng"
region = "eu-central-1"
[[grants]]
product = "footfall"
zones = {zones}
from = 2026-03-01
formats = {formats}
deliver_by = "09:00"
"""
