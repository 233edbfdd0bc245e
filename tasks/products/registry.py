"""Every data product that exists: the `PRODUCT` or `PRODUCTS` of each module of this package.

A product has parts, one or more, each with cadences of its own: a day that is drawn, a week that is derived from it.
"""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from difflib import get_close_matches

from tasks.declared import added, declared, limited
from tasks.errors import Misconfigured
from tasks.mobility.tables import LakeTable
from tasks.period import Cadence, Period
from tasks.products.spec import Audience, DataProduct, Level, Product

_PARTS: dict[str, Product] = declared("tasks.products", "PRODUCT", lambda product: product.part)


def _check() -> None:
    """Raise ValueError for parts that share a cadence, or differ where parts of a product may not."""
    for part in _PARTS.values():
        for other in parts(part.name):
            if part is not other and part.cadences & other.cadences:
                raise ValueError(f"two parts of {part.name} have the same cadence")
            if part.shared != other.shared:
                raise ValueError(f"parts of {part.name} differ in version, audience or population")
            if any(
                _columns(one) != _columns(two)
                for one in part.released
                for two in other.released
                if one.name == two.name
            ):
                raise ValueError(f"parts of {part.name} have a level of one name and other columns")


def _columns(level: Level) -> tuple[object, ...]:
    """What decides a level's delivered columns: parts deliver levels of one name into one folder."""
    return [(each.name, each.type) for each in level.dimensions], level.quantity, level.share_within


def products(left_out: Collection[str] = ()) -> tuple[Product, ...]:
    """Every part of every product, by name and cadences; without those that a policy leaves out."""
    return tuple(_PARTS[part] for part in sorted(_PARTS) if _PARTS[part].name not in left_out)


def parts(name: str) -> tuple[Product, ...]:
    """The parts of a product, published or not; empty if there is none of this name."""
    return tuple(each for each in products() if each.name == name)


def drawn(left_out: Collection[str] = ()) -> tuple[DataProduct, ...]:
    """Parts that are drawn and charged."""
    return tuple(each for each in products(left_out) if isinstance(each, DataProduct))


def published(left_out: Collection[str] = ()) -> tuple[Product, ...]:
    """Parts with releases of their own, for clients or for the operator."""
    return tuple(each for each in products(left_out) if each.audience is not Audience.GATE)


def for_clients(left_out: Collection[str] = ()) -> tuple[str, ...]:
    """Names of the products that clients can be granted."""
    return tuple(dict.fromkeys(each.name for each in products(left_out) if each.for_clients))


def lake_tables(left_out: Collection[str] = ()) -> tuple[LakeTable, ...]:
    """Tables that some product reads: what the lake keeps of a day, by name."""
    return tuple(sorted({table for each in drawn(left_out) for table in each.reads}, key=lambda table: table.name))


def product(name: str, cadence: Cadence) -> Product:
    """The part of this name and cadence, published or not; raises KeyError if there is none."""
    for each in parts(name):
        if cadence in each.cadences:
            return each
    raise KeyError(name)


def version_of(name: str) -> int | None:
    """The version that a product has today; None if there is no such product."""
    return next((each.version for each in parts(name)), None)


def find(name: str) -> tuple[Product, ...]:
    """The parts of the published product of this name; raises Misconfigured naming the nearest one."""
    names = sorted({each.name for each in published()})
    if name in names:
        return parts(name)
    near = get_close_matches(name, names, 1)
    raise Misconfigured(
        f"There is no product '{name[:40]}'.",
        f"Did you mean '{near[0]}'?" if near else f"Products: {', '.join(names)}.",
        "product.unknown",
    )


def of_period(name: str, period: Period) -> Product:
    """The part of a published product that has this period; raises Misconfigured if there is none."""
    found = find(name)
    for part in found:
        if period.cadence in part.cadences:
            return part
    cadences = sorted({cadence for part in found for cadence in part.cadences})
    example = found[0].periods(period.first)[0]
    raise Misconfigured(
        f"{name} is made by the {' or '.join(cadences)}; {period} is a {period.cadence}.",
        f"Give a {example.cadence}, for example {example}.",
        "product.cadence",
    )


def check_made(made: Product, left_out: Collection[str]) -> None:
    """Raise Misconfigured if the policy leaves the product out."""
    if made.name in left_out:
        raise Misconfigured(
            f"The policy leaves {made.name} out.",
            "Take it out of [budget] leave_out, and ingest the period's days again.",
            "product.left_out",
        )


def check_for_clients(made: Product) -> None:
    """Raise Misconfigured if clients cannot be granted the product."""
    if not made.for_clients:
        raise Misconfigured(
            f"{made.name} is not for clients.", f"Products: {', '.join(for_clients())}.", "product.internal"
        )


@contextmanager
def registered(*more: Product) -> Iterator[None]:
    """Add parts for the duration of a block; raises ValueError for one that exists or does not fit its product."""
    with added(_PARTS, **{each.part: each for each in more}):
        _check()
        yield


def only(*names: str) -> AbstractContextManager[None]:
    """Leave only the products of these names for the duration of a block."""
    return limited(_PARTS, *(part for part, each in _PARTS.items() if each.name in names))


_check()
