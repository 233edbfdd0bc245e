"""Small releases for tests of the store: every call draws anew, as a second draw would in earnest."""

from decimal import Decimal

import numpy as np
import pyarrow as pa

from tasks.privacy.bounds import Contributions, LevelRule
from tasks.privacy.noise import DiscreteGaussian
from tasks.privacy.protect import KeyFacts, ProtectedCounts, protect


def drawn() -> ProtectedCounts:
    """Two zones with a sigma so large that no two draws are equal."""
    return protect(
        [Contributions("zone", np.array([400, 900], dtype=np.int64), 1)],
        [LevelRule("zone", Decimal(10**9), 1, None)],
        KeyFacts({"zone": pa.table({"zone_id": ["Z1", "Z2"]})}),
        DiscreteGaussian(),
    )
