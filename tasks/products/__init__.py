"""What clients buy: one file per data product, found by the registry."""
