"""What an estimator is: people in a place, from a released table and public facts alone."""

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from tasks.errors import StepFailed
from tasks.period import Period

PEOPLE = ("people", "people_low", "people_high")
"""Columns of an estimate: persons, and the ends of their 90 % interval."""


@dataclass(frozen=True)
class PublicFacts:
    """What an estimator may use besides the release."""

    product: str
    period: Period
    zones: bytes
    """The merged zone plan as GeoJSON."""
    panel_size: float | None
    """Noisy size of the panel by its latest earlier release; None if there is none."""
    panel_se: float | None


class Estimator(Protocol):
    """Estimates people for each row of a release."""

    @property
    def name(self) -> str:
        """Name and version, as manifests state them; another name gives another delivery."""
        ...

    def __call__(self, release: pa.Table, facts: PublicFacts) -> pa.Table:
        """`people`, `people_low`, `people_high` (float64) for each row; null where the release has no value."""
        ...


def with_people(release: pa.Table, estimator: Estimator, facts: PublicFacts) -> pa.Table:
    """The release with the estimator's columns; raises StepFailed if it does not give one number a row."""
    people = estimator(release, facts)
    if tuple(people.column_names) != PEOPLE or people.num_rows != release.num_rows:
        raise StepFailed(
            f"Estimator {estimator.name} does not give {', '.join(PEOPLE)} for each row of the release.",
            "This is a defect of the estimator: nothing was sent.",
            "estimate.columns",
        )
    for name in PEOPLE:
        release = release.append_column(name, people[name].cast(pa.float64()))
    return release
