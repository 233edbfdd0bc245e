"""What clients buy: one file per data product, and the catalogue that lists them."""
