"""What Alembic runs: always on the connection that it is given."""

from alembic import context

from tasks.store.migrations import ALL_TABLES, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=ALL_TABLES,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    compare_type=True,
    include_name=lambda name, kind, parents: kind != "table" or name in ALL_TABLES.tables,
)
with context.begin_transaction():
    context.run_migrations()
