"""The interval of a number: which share of intervals hold the true value, and how wide that is for a normal error."""

INTERVAL = 0.9
"""The share of intervals that hold the true value, if their error is as stated."""
Z90 = 1.6448536269514722
"""Half width of the central 90 % interval in standard errors."""
