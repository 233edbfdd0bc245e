"""Where data are kept: database, lake, keys, client buckets. A verb opens the stores of its zone."""

from tasks.store.zones import (
    CatalogStores,
    LandingStores,
    PlanningStores,
    PseudonymisedStores,
    ReleasedStores,
    ReleaseStores,
    Stores,
    check_not_lost,
    open_catalog,
    open_landing,
    open_planning,
    open_pseudonymised,
    open_released,
    open_releases,
    open_stores,
)

__all__ = [
    "CatalogStores",
    "LandingStores",
    "PlanningStores",
    "PseudonymisedStores",
    "ReleaseStores",
    "ReleasedStores",
    "Stores",
    "check_not_lost",
    "open_catalog",
    "open_landing",
    "open_planning",
    "open_pseudonymised",
    "open_released",
    "open_releases",
    "open_stores",
]
