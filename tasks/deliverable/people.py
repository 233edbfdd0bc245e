"""What a delivery states about people: the population, the census, the assumption and the largest part of the error."""

from tasks.deliverable.statements import phrase
from tasks.deliverable.view import EstimateView, ReleaseView

AREA = {
    "closed": "At every hour, all residents are assumed to be in the area. "
    "Who is away is counted too, and visitors from outside are not.",
    "open": "On the average of the day, as many people as the census counts are assumed to be in the area.",
}
LARGEST = {
    "noise": "The largest part of the error is the noise that protects subscribers.",
    "sampling": "The largest part of the error is chance: the opted-in subscribers are a sample of all people.",
    "model": "The largest part of the error is not knowing exactly which places antennas serve, and where people live.",
}
INTERVAL = (
    "The interval of these estimates covers noise, sampling, and errors of plausible radio models and habits. "
    "It does not cover a wrong census or a wrong assumption. "
    "Errors of neighbouring places and hours are alike, so no interval of a sum follows from those of its parts."
)


def lasting(estimate: EstimateView) -> tuple[str, ...]:
    """Sentences that hold for every period."""
    source, date = estimate.census_source or "not stated", estimate.census_as_of or "not stated"
    return (
        f"The columns of people estimate all residents that the census counts: {estimate.residents:,.0f}. "
        f"Source of the census: {source}; its date: {date}.",
        AREA[estimate.area],
    )


def statements(release: ReleaseView) -> tuple[str, ...]:
    """All sentences on the people of a release; without an estimate, what it lacks."""
    estimate = release.estimate
    if estimate is None:
        return (release.estimate_missing,) if release.estimate_missing else ()
    return (*lasting(estimate), _weights(estimate), _borders(estimate), LARGEST[estimate.largest_error], INTERVAL)


def _weights(estimate: EstimateView) -> str:
    by = "Each counted person stands for residents of the same home district, age band and gender"
    if estimate.panel:
        return f"{by}, by the panel of release {estimate.panel}."
    return f"{by}, by the night hours of release {estimate.footfall}: no earlier month has a panel."


def _borders(estimate: EstimateView) -> str:
    corrected = "Antennas also serve phones beyond the border of a zone: this is corrected from public plans."
    if not estimate.weak_zones:
        return corrected
    return f"{corrected} The correction is weak in {phrase(estimate.weak_zones, 'and')}."
