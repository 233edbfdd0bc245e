"""Who does the work: the only place that knows which machine or cluster."""
