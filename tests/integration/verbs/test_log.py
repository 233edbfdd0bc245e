"""One thread through the log: from a landing file to the bytes in a client's bucket."""

import hashlib
import json
from pathlib import Path

from tests.integration.verbs.acting import in_bucket, perform
from tests.integration.verbs.books import Ended
from tests.integration.verbs.homes import copied
from tests.integration.verbs.place import DELIVER, Place


def test_from_a_landing_file_the_log_leads_to_the_manifest_in_the_client_s_bucket(
    place: Place, published: tuple[Path, Ended]
) -> None:
    home = copied(published[0], place.root / "followed")
    place.apply(home, "followed")
    assert place.warm(perform, DELIVER, home, place.landing).outcome == "Delivered"
    lines = [json.loads(line) for line in (home / "logs" / "throng.jsonl").read_text().splitlines()]
    file = min(place.landing.glob("events/date=*/part-*")).relative_to(place.landing)
    (lineage,) = {line["lineage"] for line in lines if line["subject"] == str(file)}
    thread = [line for line in lines if line.get("lineage") == lineage]
    told = [line["event"] for line in thread if "release" in line["event"] or "deliver" in line["event"]]
    once = ["release reserved", "release staged", "release published"]
    assert told == [*once, *once, "delivery rendered", "delivered"], "the gate's profile, footfall, the delivery"
    assert [line["outcome"] for line in thread if line["event"] == "run ended"] == [
        "Ingested",
        "Published",
        "Delivered",
    ]
    (delivered,) = [line for line in thread if line["event"] == "delivered"]
    found = place.warm(in_bucket, home, place.landing, "nordmarkt")[0]
    (manifest,) = [name for name in found if f"{delivered['location']}/manifest.json".endswith(f"/{name}")]
    assert hashlib.sha256(found[manifest]).hexdigest() == delivered["manifest_sha256"]
