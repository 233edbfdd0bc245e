"""A product that the policy leaves out is not made: no rows, no release, no charge, no grant."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tasks.deliver import Deliver
from tasks.errors import Misconfigured
from tasks.period import Cadence, Period
from tasks.plan import make_plan
from tasks.policy_file import shipped
from tasks.products import registry
from tasks.release import outstanding
from tasks.store.client_file import parse_client
from tests.factories import client_toml
from tests.promise.conftest import installation
from tests.promise.landing import consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)


def test_a_product_that_is_left_out_is_not_made(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(shipped().read_text().replace("leave_out = []", 'leave_out = ["visitors"]'))
    alone = {table for part in registry.parts("visitors") for table in getattr(part, "reads", ())}
    alone -= {*registry.lake_tables(["visitors"])}
    assert alone, "some table that no other product reads"
    (tmp_path / "root").mkdir()
    with installation(tmp_path / "root") as way:
        write_people(way.landing, [person("a")], [consent("a")])
        write_events(way.landing, DAY, seen("a", DAY))
        way.ingest(DAY, policy=policy)
        stores = way.stores(policy=policy)
        kept = {file.table for file in stores.catalog.lake_files({DAY: 1})}
        assert "presence" in kept
        assert not kept & {table.name for table in alone}
        plan = make_plan(stores, DAY, DAY, datetime(2026, 3, 5, tzinfo=UTC))
        planned = {step.product for step in plan.steps if step.verb == "publish"}
        assert planned == {part.name for part in registry.published(["visitors"]) if Cadence.DAY in part.cadences}
        needed = outstanding(stores, Period.parse("2026-03"))
        assert needed < outstanding(way.stores(), Period.parse("2026-03"))
        with pytest.raises(Misconfigured) as refused:
            way.publish("visitors", str(DAY), policy=policy)
        assert refused.value.code == "product.left_out"
        assert way.stores().ledger.find("visitors", 1, str(DAY)) is None
        spec = parse_client(client_toml().replace("footfall", "visitors"), "client.toml", ("visitors",), ("parquet",))
        with pytest.raises(Misconfigured) as undelivered:
            Deliver(stores).render(spec, registry.product("visitors", Cadence.DAY), Period.day(DAY))
        assert undelivered.value.code == "product.left_out"


def test_a_grant_of_a_product_that_is_left_out_is_refused_by_name() -> None:
    text = client_toml().replace("footfall", "visitors")
    parse_client(text, "client.toml", ("footfall", "visitors"), ("parquet", "csv"))
    with pytest.raises(Misconfigured, match="visitors, which the policy leaves out"):
        parse_client(text, "client.toml", ("footfall",), ("parquet", "csv"), ("visitors",))
