"""Every data product that exists: the `PRODUCT` of each module of this package."""

from contextlib import AbstractContextManager
from difflib import get_close_matches

from tasks.declared import added, declared, limited
from tasks.errors import Misconfigured
from tasks.mobility.tables import LakeTable
from tasks.products.spec import Audience, DataProduct, Product

_PRODUCTS: dict[str, Product] = declared("tasks.products", "PRODUCT")


def products() -> tuple[Product, ...]:
    """Every product, by name."""
    return tuple(_PRODUCTS[name] for name in sorted(_PRODUCTS))


def drawn() -> tuple[DataProduct, ...]:
    """Products that are drawn and charged, by name."""
    return tuple(each for each in products() if isinstance(each, DataProduct))


def published() -> tuple[Product, ...]:
    """Products with releases of their own, for clients or for the operator."""
    return tuple(each for each in products() if each.audience is not Audience.GATE)


def for_clients() -> tuple[str, ...]:
    """Names of the products that clients can be granted."""
    return tuple(each.name for each in products() if each.for_clients)


def lake_tables() -> tuple[LakeTable, ...]:
    """Tables that some product reads: what the lake keeps of a day, by name."""
    return tuple(sorted({table for each in drawn() for table in each.reads}, key=lambda table: table.name))


def known(name: str) -> bool:
    """Whether a product of this name exists, published or not."""
    return name in _PRODUCTS


def product(name: str) -> Product:
    """The product of this name, published or not; raises KeyError if there is none."""
    return _PRODUCTS[name]


def find(name: str) -> Product:
    """The published product of this name; raises Misconfigured naming the nearest one."""
    names = [each.name for each in published()]
    if name in names:
        return _PRODUCTS[name]
    near = get_close_matches(name, names, 1)
    raise Misconfigured(
        f"There is no product '{name[:40]}'.",
        f"Did you mean '{near[0]}'?" if near else f"Products: {', '.join(names)}.",
        "product.unknown",
    )


def check_for_clients(made: Product) -> None:
    """Raise Misconfigured if clients cannot be granted the product."""
    if not made.for_clients:
        raise Misconfigured(
            f"{made.name} is not for clients.", f"Products: {', '.join(for_clients())}.", "product.internal"
        )


def registered(*more: Product) -> AbstractContextManager[None]:
    """Add products for the duration of a block; raises ValueError for a name that exists."""
    return added(_PRODUCTS, **{each.name: each for each in more})


def only(*names: str) -> AbstractContextManager[None]:
    """Leave only the products of these names for the duration of a block."""
    return limited(_PRODUCTS, *names)
