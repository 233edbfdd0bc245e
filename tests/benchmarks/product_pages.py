"""Pictures and examples of the product pages: `python -m tests.benchmarks.product_pages FOLDER [PRODUCT...]`.

A simulated city's March goes from the landing to a client's bucket on a real S3 server, under the shipped policy. Its
landing and lake stay in FOLDER, and are used the next time. Numbers differ in every run: noise has no seed.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tasks.client_state import client_spec
from tasks.deliver import Deliver
from tasks.period import Cadence, Period
from tasks.privacy.noise import production_noise
from tasks.products import registry
from tasks.services.client_file import client_file
from tasks.services.s3 import serve
from tasks.store import Stores
from tasks.store.audit import AuditEntry
from tasks.store.client_file import parse_client
from tests.benchmarks.accuracy.city import WEEK, city_of
from tests.benchmarks.product_examples import EXAMPLES, Delivered
from tests.benchmarks.product_pictures import PICTURES, draw
from tests.publisher import publisher

CLIENT, BUCKET = "nordmarkt", "nordmarkt-insights"
DAY = Period.parse("2026-03-03")
PAGES = Path("docs/products")
BEGIN = "<!-- begin: python -m tests.benchmarks.product_pages FOLDER -->"
END = "<!-- end -->"
INTRODUCTION = """Rows as delivered; some columns are left out. In the simulated city 60 % of {:,} subscribers opted in.
The policy is `strict`. `people` are all residents.
"""
MARKS = re.compile(f"({BEGIN}.*?{END})", re.DOTALL)


def periods(product: str) -> Iterator[Period]:
    """What is published, inputs first: the days of a week, the week, the month."""
    for part in registry.parts(product):
        for cadence in sorted(part.cadences, key=list(Cadence).index):
            yield from map(Period.day, WEEK.days) if cadence is Cadence.DAY else [Period.holding(cadence, WEEK.first)]


def publish(stores: Stores, products: list[str]) -> Iterator[tuple[str, Period]]:
    """Publish each product, and say which periods of it are delivered: of the days, one."""
    verb = publisher(stores, production_noise())
    for product in products:
        for period in periods(product):
            print(verb(product, str(period)), file=sys.stderr)
            if period.cadence is not Cadence.DAY or period == DAY:
                yield product, period


def grants(endpoint: str, products: list[str]) -> str:
    """The client's file: all products and all zones."""
    text = client_file(CLIENT, BUCKET, endpoint, WEEK.first.replace(day=1))
    head, grant = text.split("[[grants]]")
    return head + "".join(f"[[grants]]{grant.replace('footfall', product)}" for product in products)


def received(folder: Path, size: str) -> Path:
    """What the client downloads."""
    city, products = city_of(size, folder), [*dict.fromkeys(["footfall", *registry.for_clients()])]
    city.build()
    stores, there = city.stores, city.folder / "received"
    with serve(city.folder / "s3", {CLIENT: BUCKET}) as s3:
        os.environ |= {"AWS_SHARED_CREDENTIALS_FILE": str(s3.credentials), "AWS_CONFIG_FILE": os.devnull}
        text = grants(s3.endpoint_url, products)
        spec = parse_client(text, "client.toml", products, ["parquet", "csv"])
        entry = AuditEntry("benchmark", "client applied", CLIENT)
        stores.catalog.apply_client(CLIENT, spec.model_dump(mode="json", by_alias=True), s3.endpoint_url, entry)
        for product, period in list(publish(stores, products)):
            print(Deliver(stores)(CLIENT, product, str(period)), file=sys.stderr)
        bucket = stores.buckets.open(client_spec(stores, CLIENT).destination)
        for key in bucket.sizes():
            (there / key).parent.mkdir(parents=True, exist_ok=True)
            (there / key).write_bytes(bucket.get(key))
    return there


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.product_pages")
    parser.add_argument("folder", type=Path, help="where the city's landing, lake and deliveries stay")
    parser.add_argument("products", nargs="*", default=[*EXAMPLES])
    parser.add_argument("--city", default="60000x31", metavar="SUBSCRIBERSxDAYS")
    given = parser.parse_args()
    folder = received(given.folder.absolute(), given.city)
    for product in given.products:
        if product in PICTURES:
            draw(product, folder)
        page = PAGES / f"{product}.md"
        before, _, after = MARKS.split(page.read_text())
        lines = [
            BEGIN,
            INTRODUCTION.format(int(given.city.split("x")[0])),
            *EXAMPLES[product](Delivered(folder / product)),
        ]
        page.write_text(before + "\n".join([*lines, END]) + after)


if __name__ == "__main__":
    main()
