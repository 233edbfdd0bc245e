"""A city with known truth, written as a landing folder: for the demo, benchmarks and accuracy tests."""

from tasks.simulate.plan import SimulationPlan
from tasks.simulate.run import SimulationSummary, simulate

__all__ = ["SimulationPlan", "SimulationSummary", "simulate"]
