"""How right people are, beside where panel and people truly were: `python -m tests.benchmarks.people`.

Cities of two sizes, two numbers of zones, opt-in flat and strongly biased, and two radio worlds, each a day; a month
for visitors, catchment and loyalty.
"""

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path

from tests.benchmarks.accuracy.__main__ import commit
from tests.benchmarks.people.estimates import ESTIMATES
from tests.benchmarks.people.figures import Figures, figures, joined
from tests.benchmarks.people.markdown import HEAD, SHORT_HEAD, in_short, rows
from tests.benchmarks.people.worlds import NOISES, ROOT, USUAL_RATE, Kept, World, kept, worlds

PAGE = ROOT / "docs" / "explanation" / "accuracy-people.md"
BEST = "estimated, with a panel"
IN_SHORT = """Strict noise, with a panel of the register, against people.
*Worst kind*: of the kinds of cities below, by opt-in and radio.
"""
HOW_TO_READ = """
## How to read the tables

Each city is [simulated](../reference/simulator.md#who-are-people) for a day or a month.
It is closed and has a census; 60 % opt in, in the mean.
*Biased*: opt-in depends on age band, gender and home, from about 20 to 80 %.
Radio *wide*: distance counts less, sites differ in power, and busy ones shed more.
Most of the method was developed on cities of other seeds.
Two constants were chosen on these: how wide cells may be heard, and the steps of unfolding.
Strict noise is that of `policy.toml`.
Without noise, standard errors still state it.

| column | means |
|---|---|
| panel persons | how many of the panel truly were there; cells with fewer than 30 are left out |
| released | today's number, and times one factor (residents for one person of the panel) as people |
| estimated | by [the estimator](people.md), from night hours; *with a panel*: of the register, noise of 10 a cell |
| panel: | errors against where the panel truly was; an estimate from night hours lacks silent phones |
| people: | errors against the persons that the census counts |
| bias, median, 95th | of the sum; of the absolute relative error |
| floor | the median error with everything known but who is in the panel and the noise |
| in interval | share of cells whose 90 % interval holds the truth |

The floor is of n panel persons among p people, with a standard error s.
Their relative deviation is sqrt((1 - n/p)/n + (s/n)^2). Against the panel it is s/n.
Cells of one city are not independent: one radio network and one panel make the errors of all hours.
"""
Key = tuple[str, str, str, str, str]
"""Product, level, city, noise, figures."""


def compared(made: Kept) -> Iterator[tuple[Key, Figures]]:
    """All cells of a city."""
    world = made.world
    city = f"opt-in {'biased' if world.biased else 'flat'}, radio {world.radio}"
    city += "" if world.rate == USUAL_RATE else f", {world.rate:g} events"
    for product in world.products:
        label = product.name if world.days == 1 else f"{product.name} of a month"
        levels = [level for level in product.released if level.quantity.counts]
        for noise in NOISES:
            for name, of in ESTIMATES.items():
                for level, cells in figures(made, product.name, levels, noise, of):
                    yield (label, level, city, noise, name), cells


def cells_of(world: World, folder: Path) -> tuple[World, list[tuple[Key, Figures]]]:
    """All cells of a city that is simulated if it is not kept."""
    return world, list(compared(kept(world, folder)))


def page(cities: Iterable[tuple[World, list[tuple[Key, Figures]]]], of_commit: str) -> Iterator[str]:
    """The page, line by line."""
    found: dict[Key, list[Figures]] = defaultdict(list)
    used = Counter[str]()
    for world, every in cities:
        length = "a day" if world.days == 1 else "a month"
        used[f"{world.subscribers:,} subscribers and {world.zones} zones, {length}"] += 1
        for key, cells in every:
            found[key].append(cells)
    yield "# Accuracy of people\n"
    yield f"`python -m tests.benchmarks.people --write` writes this page. It was written at commit {of_commit}."
    yield from ("\n| cities | of |", "|---:|---|", *(f"| {number} | {size} |" for size, number in used.items()), "")
    yield from ("## In short\n", IN_SHORT, *SHORT_HEAD)
    for section in sorted({key[:2] for key in found}):
        yield from in_short(
            section, {key[2]: joined(many) for key, many in found.items() if key == (*section, key[2], "strict", BEST)}
        )
    yield HOW_TO_READ
    headed = None
    for (product, level, city, noise, name), many in sorted(found.items(), key=lambda each: each[0][:4]):
        if headed != (product, level):
            headed = product, level
            yield from (f"\n## {product}, `{level}`\n", *HEAD)
        yield from rows(city, noise, name, joined(many))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.people")
    parser.add_argument("--seeds", type=int, nargs="+", default=[10], help="of each size of cities, or of all")
    parser.add_argument("--subscribers", type=int, nargs="+", default=[20_000, 150_000])
    parser.add_argument("--zones", type=int, nargs="+", default=[14, 60])
    parser.add_argument(
        "--months", type=int, default=1, help="seeds of months, in cities of the first size and last zones"
    )
    parser.add_argument("--rates", type=float, nargs="+", default=[USUAL_RATE], help="median events a phone and day")
    parser.add_argument("--keep", type=Path, help="folder in which releases and truth stay for the next time")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    begun = commit()  # a run takes long enough for the checkout to change
    with tempfile.TemporaryDirectory() as folder:
        seeds = dict(zip_longest(given.subscribers, given.seeds, fillvalue=given.seeds[-1]))
        days = (worlds(range(seeds[size]), [size], given.zones, 1, given.rates) for size in given.subscribers)
        months = worlds(range(given.months), given.subscribers[:1], given.zones[-1:], 31)
        to = (given.keep or Path(folder)).absolute()
        with ProcessPoolExecutor() as pool:
            lines = list(page(pool.map(partial(cells_of, folder=to), chain(*days, months)), begun))
    if given.write:
        PAGE.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
