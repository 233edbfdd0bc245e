"""SQL for the client's warehouse: an external table over each folder of rows, and a view of the newest revisions.

A revision replaces its whole period and may remove rows, so the newest one is chosen by period, never by key.
A folder can hold periods of several lengths, and a view holds those of one: numbers of days and weeks are never mixed.
"""

from tasks.deliverable.columns import columns
from tasks.deliverable.markdown import template
from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.period import Cadence

_HIVE = {
    "string": "STRING",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INT",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "date32[day]": "DATE",
    "timestamp[us, tz=UTC]": "TIMESTAMP",
}
_SNOWFLAKE = {
    **dict.fromkeys(("int8", "int16", "int32", "int64"), "NUMBER"),
    "string": "VARCHAR",
    "double": "FLOAT",
    "date32[day]": "DATE",
    "timestamp[us, tz=UTC]": "TIMESTAMP_LTZ",
}
_DIALECTS: dict[str, dict[str, str]] = {
    "athena": _HIVE,
    "bigquery": {},
    "duckdb": {},
    "snowflake": _SNOWFLAKE,
    "spark": _HIVE,
}
"""Each dialect's type by Arrow type; none where the files say it."""
_NOTE = "-- The newest revision of a period is looked up in all tables: it may leave one of them without rows."


def _sql(content: RenderInput, dialect: str) -> bytes:
    """Statements for every table of the product."""
    release, types, cadence = content.release, _DIALECTS[dialect], content.release.period.cadence
    prefix = release.product if cadence is Cadence.DAY else f"{release.product}_{cadence.value}"
    tables = [
        {
            "name": f"{release.product}_{table.name}",
            "newest": f"{prefix}_{table.name}_newest",
            "folder": f"{content.path.product_folder}/data/{table.name}",
            "columns": [(each.name, types[str(each.type)]) for each in columns(release, table) if types],
        }
        for table in release.tables
    ]
    title = f"external tables over {release.product} v{release.version}, and views of each {cadence}'s newest revision"
    named = {"title": title, "note": _NOTE, "prefix": prefix, "cadence": cadence.value}
    sql = template(f"sql/{dialect}.sql.jinja").render(tables=tables, **named)
    return f"{sql.rstrip()}\n".encode()


def _renderer(dialect: str) -> Renderer:
    meaning = "tables over every delivery, and views of the newest revisions"
    return Renderer(f"{dialect}.sql", f"sql/{dialect}.sql", "application/sql", meaning, lambda c: _sql(c, dialect))


RENDERERS = tuple(_renderer(dialect) for dialect in _DIALECTS)
