"""Deliveries that withhold most numbers, because their zones are too small for the policy's noise."""

from tasks.store.tables import Delivery, DeliveryState

MOSTLY = 0.8
"""The least share of withheld numbers of a mostly withheld release."""
REMEDY = (
    "The zones hold too few opted-in persons: draw fewer and larger zones (zones.geojson), or enlarge the panel. "
    "Existing releases stay as they are."
)


def mostly_withheld(rows: int, withheld: int) -> bool:
    """Whether most numbers are withheld."""
    return rows > 0 and withheld >= MOSTLY * rows


def newest(deliveries: list[Delivery]) -> dict[tuple[str, str], Delivery]:
    """By client and product: the delivery of the newest period; `deliveries` ordered by period and revision."""
    sent = (delivery for delivery in deliveries if delivery.state is DeliveryState.DELIVERED)
    return {(delivery.client, delivery.product): delivery for delivery in sent}
