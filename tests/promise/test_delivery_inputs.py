"""A delivery depends on the releases that its own numbers use, and names them: others' releases leave it as it is."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from tasks.deliver import Deliver
from tasks.period import Period
from tasks.services.s3 import serve
from tasks.store.audit import AuditEntry
from tasks.store.client_file import parse_client
from tasks.store.lake import DeliveryKey
from tests.factories import client_toml
from tests.plain_validator import plain
from tests.promise.conftest import Way
from tests.promise.landing import consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)
CENSUS = "zone_id,residents,source,as_of\nZ0,2000,Office,2025-12-31\nZ3,3000,Office,2025-12-31\n"
OTHERS = ("footfall", "panel", "detection", "dwell", "trips")
"""What a delivery names: the releases that people were estimated from."""

Revision = Callable[[str], int]


@contextmanager
def delivering(way: Way, *products: str) -> Iterator[Revision]:
    """Deliver a product of the day to a bucket; the delivery's revision is given."""
    with serve(way.root / "s3", {"nordmarkt": "nordmarkt-insights"}) as s3, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(s3.credentials))
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        place = f'endpoint_url = "{s3.endpoint_url}"\nprofile = "nordmarkt"\n[[grants]]'
        head, _, grant = client_toml().partition("[[grants]]")
        grants = [place if n == 0 else "[[grants]]" for n in range(len(products))]
        text = head + "".join(
            each + grant.replace('"footfall"', f'"{name}"') for each, name in zip(grants, products, strict=True)
        )
        spec, stores = parse_client(text, "client.toml", products, ["parquet"]), way.stores()
        entry = AuditEntry("tester", "client applied", spec.name)
        stores.catalog.apply_client(spec.name, spec.model_dump(mode="json", by_alias=True), "digest", entry)
        verb = Deliver(stores, lambda: way.now, validator=plain)
        yield lambda product: verb(spec.name, product, str(Period.day(DAY))).delivery_revision


def named(way: Way, product: str) -> list[set[str]]:
    """Releases beside its own that each delivery of a product names."""
    stores, found = way.stores(), []
    for each in stores.catalog.deliveries("nordmarkt"):
        if each.product == product:
            files = stores.lake.delivery(DeliveryKey.of(each), each.manifest_sha256)
            (content,) = (content for path, content in files.items() if path.endswith("/manifest.json"))
            people = json.loads(content)["population"]["people"]
            found.append({name for name in OTHERS if people.get(name)})
    return found


def test_a_release_that_a_products_people_do_not_use_makes_no_new_delivery_of_it(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    (way.landing / "population.csv").write_text(CENSUS)
    way.ingest(DAY)
    for name in ("footfall", "visitors"):
        way.publish(name, str(DAY))
    with delivering(way, "footfall", "visitors", "origin_destination") as deliver:
        assert [deliver(name) for name in ("footfall", "visitors")] == [1, 1]
        for name in ("detection", "dwell"):
            way.publish(name, str(DAY))
        assert [deliver(name) for name in ("footfall", "visitors")] == [1, 2]
        way.publish("origin_destination", str(DAY))
        assert [deliver(name) for name in ("footfall", "visitors", "origin_destination")] == [1, 2, 1]
    footfall, stays = {"footfall"}, {"footfall", "detection", "dwell"}
    assert named(way, "footfall") == [footfall]
    assert named(way, "visitors") == [footfall, stays]
    assert named(way, "origin_destination") == [stays | {"trips"}]
