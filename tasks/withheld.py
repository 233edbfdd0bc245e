"""A delivery in which hardly anything can be read: its zones are too small for the noise of its policy."""

from tasks.store.tables import Delivery, DeliveryState

MOSTLY = 0.8
"""From this share of its numbers on, a release is mostly withheld."""
REMEDY = (
    "The zones are too small for the opted-in persons in them: draw fewer and larger zones (zones.geojson), or win a "
    "larger panel. What is drawn stays as it is."
)


def mostly_withheld(rows: int, withheld: int) -> bool:
    """Whether hardly anything can be read."""
    return rows > 0 and withheld >= MOSTLY * rows


def newest(deliveries: list[Delivery]) -> dict[tuple[str, str], Delivery]:
    """By client and product: the delivery of the newest period; `deliveries` ordered by period and revision."""
    sent = (delivery for delivery in deliveries if delivery.state is DeliveryState.DELIVERED)
    return {(delivery.client, delivery.product): delivery for delivery in sent}
