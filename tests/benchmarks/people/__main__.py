"""How right people are, beside where panel and people truly were: `python -m tests.benchmarks.people`.

Cities of two sizes, two numbers of zones, opt-in flat and strongly biased, and two radio worlds, each a day; with
`--days 31` a month, for catchment.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.benchmarks.accuracy.__main__ import commit
from tests.benchmarks.people.estimates import ESTIMATES
from tests.benchmarks.people.figures import Figures, figures, joined
from tests.benchmarks.people.markdown import HEAD, rows
from tests.benchmarks.people.worlds import NOISES, ROOT, Kept, kept, worlds

PAGE = ROOT / "docs" / "explanation" / "accuracy-people.md"
Key = tuple[str, str, str, str, str]
"""Product, level, city, noise, figures."""


def compared(made: Kept) -> Iterator[tuple[Key, Figures]]:
    """All cells of a city."""
    world = made.world
    city = f"opt-in {'biased' if world.biased else 'flat'}, radio {world.radio}"
    for product in world.products:
        levels = [level for level in product.released if level.quantity.counts]
        for noise in NOISES:
            for name, of in ESTIMATES.items():
                for level, cells in figures(made, product.name, levels, noise, of):
                    yield (product.name, level, city, noise, name), cells


def page(cities: Iterable[Kept], of_commit: str) -> Iterator[str]:
    """The page, line by line."""
    found: dict[Key, list[Figures]] = defaultdict(list)
    for made in cities:
        for key, cells in compared(made):
            found[key].append(cells)
    yield "# Accuracy of people\n"
    yield f"`python -m tests.benchmarks.people --write` writes this page. It was written at commit {of_commit}."
    section = None
    for (product, level, city, noise, name), many in sorted(found.items(), key=lambda each: each[0][:4]):
        if section != (product, level):
            section = product, level
            yield from (f"\n## {product}, `{level}`\n", *HEAD)
        yield from rows(city, noise, name, joined(many))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.people")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[20_000, 150_000])
    parser.add_argument("--zones", type=int, nargs="+", default=[14, 60])
    parser.add_argument("--days", type=int, choices=(1, 31), default=1)
    parser.add_argument("--keep", type=Path, help="folder in which releases and truth stay for the next time")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    begun = commit()  # a run takes long enough for the checkout to change
    with tempfile.TemporaryDirectory() as folder:
        chosen = worlds(range(given.seeds), given.subscribers, given.zones, given.days)
        lines = list(page((kept(world, (given.keep or Path(folder)).absolute()) for world in chosen), begun))
    if given.write:
        PAGE.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
