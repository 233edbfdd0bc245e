"""Deliveries side by side, or before and after, tell no more of persons than the releases that they are cut from."""

import io
import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.estimate.people import PeopleEstimator
from tasks.products.footfall import PRODUCT as FOOTFALL
from tests.promise.conftest import Way
from tests.promise.landing import EVENTS, as_csv, consent, person, seen, write_events, write_people
from tests.promise.test_estimated_people import CENSUS, CLIENT, DAY, VISITORS, manifest_of, rendered


class Again(PeopleEstimator):
    """The same estimator under another name, so that a delivery is estimated and rendered again."""

    name = "again 1"


def test_a_new_estimate_of_a_release_knows_nothing_of_what_persons_did_since_the_draw(way: Way) -> None:
    """One withdrew, the other lived elsewhere: the day in the lake is another one, and the client can tell nothing."""
    everybody = [person("a"), person("b")]
    write_people(way.landing, everybody, [consent("a"), consent("b")])
    write_events(way.landing, DAY, [*seen("a", DAY), *seen("b", DAY)])
    (way.landing / "population.csv").write_text(CENSUS)
    way.ingest(DAY)
    for name in ("footfall", "visitors", "detection", "dwell"):
        way.publish(name, str(DAY))
    before = [rendered(way, of=each) for each in (FOOTFALL, VISITORS)]
    write_people(way.landing, everybody, [consent("a"), consent("b", withdrawn=f"{DAY}T23:00:00Z")])
    write_events(way.landing, DAY, [(*row[:2], "c3", row[3]) for row in seen("a", DAY)])
    (way.landing / f"events/date={DAY}/part-1.csv").write_bytes(as_csv(EVENTS, seen("a", DAY, range(12))))
    assert way.ingest(DAY).generation == 2
    assert way.publish("footfall", str(DAY)).stale
    after = [rendered(way, Again(), of=each) for each in (FOOTFALL, VISITORS)]
    for one, other in zip(before, after, strict=True):
        assert _tables(one) == _tables(other)
        assert _facts(one) == _facts(other)


def _facts(files: Mapping[str, bytes]) -> str:
    """What a manifest states, but for the delivery's own name, files and estimator."""
    manifest = manifest_of(files)
    for name in ("delivery_revision", "supersedes", "changes", "files"):
        del manifest[name]
    for name in ("estimator", "digest"):
        del manifest["population"]["people"][name]
    del manifest["population"]["weighting"]
    return json.dumps(manifest, indent=1).replace("/revision=2/", "/revision=1/")


def _tables(files: Mapping[str, bytes]) -> list[pa.Table]:
    """A delivery's numbers, people among them."""
    tables = [pq.read_table(io.BytesIO(files[path])) for path in sorted(files) if path.endswith(".parquet")]
    assert any("people" in table.column_names and table["people"].null_count < len(table) for table in tables)
    return [table.replace_schema_metadata() for table in tables]


def test_two_clients_have_the_same_numbers_of_what_both_are_granted_and_subtract_to_nothing(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    (way.landing / "population.csv").write_text(CENSUS)
    way.ingest(DAY)
    for name in ("footfall", "visitors"):
        way.publish(name, str(DAY))
    part = CLIENT.replace('zones = ["*"]', 'zones = ["D0", "Z2"]').replace('"nordmarkt"', '"part"')
    assert part.count("D0") == 2
    for of in (FOOTFALL, VISITORS):
        whole, some = (_tables(rendered(way, of=of, client=client)) for client in (CLIENT, part))
        for one, other in zip(whole, some, strict=True):
            rows = one.to_pylist()
            assert 0 < other.num_rows < len(rows)
            assert all(row in rows for row in other.to_pylist())
