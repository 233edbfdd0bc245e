"""Publication as the command line puts it together: the landing zone refreshes, then the release is drawn."""

from collections.abc import Callable
from datetime import datetime

from tasks.privacy.noise import Noise
from tasks.publish import Publish
from tasks.refresh import Refresh
from tasks.release import utc_now
from tasks.store import Stores


def publisher(stores: Stores, noise: Noise, now: Callable[[], datetime] = utc_now) -> Publish:
    """Publish over one set of stores and one clock."""
    return Publish(stores, noise, Refresh(stores, now), now)
