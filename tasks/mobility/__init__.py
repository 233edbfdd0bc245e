"""What events mean: where cells and zones are, the walk over a subscriber's day, and home districts."""
