"""What a delivery states in several of its files."""

UNIT = "everything of one subscriber (one SIM) in one calendar month"
MECHANISM = (
    "counts over keys known beforehand, each subscriber's share bounded in L2, plus discrete Gaussian noise "
    "(rho-zCDP); levels reconciled by least squares; small noisy values withheld"
)
DERIVED_MECHANISM = "computed from released numbers alone, without further cost"
PERMITTED_USE = (
    "Statistics of places and hours. Singling out, re-identifying or contacting a person, or joining with data "
    "about persons in order to do so, is not permitted."
)
