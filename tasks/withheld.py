"""Releases and deliveries that withhold most numbers, because their zones are too small for the policy's noise."""

import pyarrow as pa
import pyarrow.compute as pc

from tasks.privacy.release_table import WITHHELD_SMALL
from tasks.products import registry
from tasks.refs import DeliveryRef
from tasks.store.tables import Delivery, DeliveryState

MOSTLY = 0.8
"""The least share of withheld numbers of a mostly withheld release."""
REMEDY = (
    "The zones hold too few opted-in persons: draw fewer and larger zones (zones.geojson), or enlarge the panel. "
    "Existing releases stay as they are."
)


def withheld(table: pa.Table) -> int:
    """Rows whose number is too small to be shown."""
    return int(pc.sum(pc.equal(table["status"], WITHHELD_SMALL)).as_py() or 0)


def thin_levels(product: str, table: pa.Table) -> list[str]:
    """Levels of a release of which most numbers are withheld; of a sparse level that is expected."""
    levels = [name for name in table["level"].unique().to_pylist() if name not in _sparse(product)]
    found = [(name, table.filter(pc.equal(table["level"], name))) for name in levels]
    return [name for name, rows in found if _mostly(len(rows), withheld(rows))]


def mostly_withheld(delivery: Delivery | DeliveryRef) -> bool:
    """Whether most numbers of a delivery are withheld; never of a product with a sparse level, where it is expected."""
    return _mostly(delivery.rows, delivery.withheld) and not _sparse(delivery.product)


def _sparse(product: str) -> set[str]:
    return {level.name for part in registry.parts(product) for level in part.released if level.sparse}


def _mostly(rows: int, hidden: int) -> bool:
    return rows > 0 and hidden >= MOSTLY * rows


def newest(deliveries: list[Delivery]) -> dict[tuple[str, str], Delivery]:
    """By client and product: the delivery of the newest period; `deliveries` ordered by period and revision."""
    sent = (delivery for delivery in deliveries if delivery.state is DeliveryState.DELIVERED)
    return {(delivery.client, delivery.product): delivery for delivery in sent}
