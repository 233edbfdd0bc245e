"""How wrong each product is against the simulator's truth: `python -m tests.benchmarks.accuracy [CITY ...]`.

A city is SUBSCRIBERSxDAYS. One table a product and cadence, of every city: without noise, the error is what phones
leave unsaid; under a policy, what a draw adds. Numbers are those before small ones are withheld. A product of a longer
period than a city's days has no rows for it.

With --keep FOLDER, a city's landing and lake stay, and serve the next time. Remove FOLDER/CITY/home where what an
ingest makes has changed: a day that was ingested is not ingested again. Progress goes to stderr.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from tasks import policy_file
from tasks.policy import Policy
from tasks.products import registry
from tasks.products.spec import Level, Product
from tests.benchmarks.accuracy.cells import Cells, cells, joined, shares
from tests.benchmarks.accuracy.city import City, city_of, report
from tests.benchmarks.accuracy.draws import Draws, Pair
from tests.benchmarks.accuracy.markdown import head, rows, unit_of
from tests.true_answers import ANSWERS

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "accuracy-tables.md"
CITIES = ("20000x31", "150000x31")
POLICIES = ("policy.toml", "policy.standard.toml")


def compared(city: City, product: Product, policies: list[Policy]) -> Iterator[str]:
    """The rows of a product in a city."""
    draws, cadence = [Draws(city, policy) for policy in policies], min(product.cadences)
    found: dict[tuple[str, str], list[list[Cells]]] = {}
    for period in city.periods(cadence):
        answers = city.truth.answers(product.part, period.first, period.days[-1])
        for number, draw in enumerate(draws):
            report(f"{city.plan.subscribers:,} subscribers: {product.name} {period}, {draw.policy.name}")
            pair = draw.release(product, period)
            for level in product.released:
                for name, unit, make in _forms(level):
                    many = found.setdefault((name, unit), [[] for _ in draws])
                    many[number].append(make(level, pair, answers[level.name]))
    for (name, unit), many in found.items():
        yield from rows(city.plan.subscribers, name, unit, [joined(each) for each in many])


Form = Callable[[Level, Pair, pa.Table], Cells]


def _forms(level: Level) -> Iterator[tuple[str, str, Form]]:
    """A level's numbers, and its shares: name, unit and how they are found."""
    yield f"`{level.name}`", unit_of(level.quantity), cells
    if level.share_within:
        yield f"`{level.name}`, share", "pp", shares


def commit() -> str:
    """The commit of this checkout."""
    words = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def page(cities: list[City], products: list[Product], of_commit: str) -> Iterator[str]:
    """The page, line by line."""
    policies = [policy_file.load(ROOT / name).policy for name in POLICIES]
    yield "# Accuracy by product\n"
    yield f"`python -m tests.benchmarks.accuracy --write` writes this page. It was written at commit {of_commit}."
    yield "[Accuracy](accuracy.md) says how to read it."
    for product in products:
        table = [line for city in cities for line in compared(city, product, policies)]
        yield f"\n## {product.name}, {min(product.cadences)}\n"
        yield from [*head([policy.name for policy in policies]), *table]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy")
    parser.add_argument("cities", nargs="*", default=CITIES, metavar="SUBSCRIBERSxDAYS")
    parser.add_argument("--product")
    parser.add_argument("--keep", type=Path, help="folder in which landings and lakes stay for the next time")
    parser.add_argument("--write", action="store_true", help="write docs/explanation/accuracy-tables.md")
    given = parser.parse_args()
    products = [each for each in registry.published() if each.part in ANSWERS and given.product in (None, each.name)]
    begun = commit()  # a run takes long enough for the checkout to change
    with tempfile.TemporaryDirectory() as folder:
        cities = [city_of(size, (given.keep or Path(folder)).absolute()) for size in given.cities]
        for city in cities:
            city.build()
        lines = list(page(cities, products, begun))
    if given.write:
        PAGE.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
