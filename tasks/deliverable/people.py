"""What a delivery states about people: the population, the census, the assumption and the largest part of the error."""

from collections.abc import Sequence

from tasks.deliverable.statements import phrase
from tasks.deliverable.view import EstimateView, ReleaseView

AREA = {
    "closed": "We assume that all residents are in the area at every hour. "
    "Residents who are away are counted all the same; visitors from outside are not.",
    "open": "We assume that, on the average of the day, as many people are in the area as the census counts. "
    "Visitors from outside are among them.",
}
LARGEST = {
    "noise": "The largest part of the error is the noise that protects subscribers.",
    "sampling": "The largest part of the error is chance: the opted-in subscribers are a sample of all people.",
    "model": "The largest part of the error is not knowing exactly which places antennas serve, and where people live.",
}
INTERVAL = (
    "The interval holds noise, chance, and the errors of plausible radio models and habits. "
    "It does not hold a wrong census or a wrong assumption."
)
SUMS = (
    "Errors of neighbouring places and hours are alike: for the interval of a sum, add the low ends and the high ends. "
    "Root sums of squares are too narrow."
)
STAYS = "Stays are known by events alone: short stays are missed, and near a border a phone can also count next door. "
NOT_CORRECTED = (
    STAYS + "Phones with few events miss more: at 30 events a day, about a third of visits and half of trips. "
    "This is not corrected here, and the interval is wider for it."
)


def corrected(releases: Sequence[str]) -> str:
    """What is done about stays that events do not show, by these releases of the day."""
    return (
        f"{STAYS}Other releases of the day say how many of each length are missed: {phrase(releases, 'and')}. "
        "People are corrected by them. "
        "The shortest stays are extrapolated. The interval holds what this leaves open."
    )


PLACES_OF_STAYS = (
    "Antennas also serve phones beyond the border of a zone. A stay has the zone that all its antennas speak for. "
    "The interval holds the error that remains."
)


def counts_of(release: ReleaseView, quote: str = "") -> str:
    """The columns of counts as a phrase; names between quotes."""
    names = dict.fromkeys(table.quantity.name for table in release.tables if table.quantity.counts)
    return " and ".join(f"{quote}{name}{quote}" for name in names)


def lasting(release: ReleaseView, estimate: EstimateView) -> tuple[str, ...]:
    """Sentences that hold for every period."""
    aged = f" of {estimate.youngest} years and more" if estimate.youngest else ""
    done = [table.quantity.name for table in release.tables if table.quantity.counts and not table.quantity.of_people]
    theirs = (
        f" In tables of {phrase(list(dict.fromkeys(done)), 'and')}, they count those of all people." if done else ""
    )
    return (
        f"The columns people, people_low and people_high count all people, opted in or not.{theirs} "
        f"The census counts {estimate.residents:,} residents{aged}{_origin(estimate)}.",
        AREA[estimate.area],
    )


def statements(release: ReleaseView) -> tuple[str, ...]:
    """All sentences on the people of a release; without an estimate, what it lacks."""
    estimate = release.estimate
    if estimate is None:
        return (release.estimate_missing,) if release.estimate_missing else ()
    return (
        *lasting(release, estimate),
        *_of_day(release, estimate),
        _weights(estimate),
        _borders(release, estimate),
        LARGEST[estimate.largest_error],
        f"The panel is as precise as a sample of {estimate.effective_size:,} persons with equal weights.",
        INTERVAL,
        *(() if release.instant else (_missed(estimate),)),
        SUMS,
        f"All other numbers, also se and reliability, are of {counts_of(release)} alone.",
    )


def _origin(estimate: EstimateView) -> str:
    """Who counted, and when, as the end of a sentence."""
    source, date = estimate.census_source, estimate.census_as_of
    if source and date:
        return f" (source: {source}, {date})"
    if source or date:
        return f" (source: {source}; date not stated)" if source else f" (of {date}; source not stated)"
    return "; its source and date are not stated"


def _of_day(release: ReleaseView, estimate: EstimateView) -> tuple[str, ...]:
    """Why a longer period names releases of one day."""
    day = estimate.footfall.split("/")[2]
    if day == str(release.period):
        return ()
    return (
        f"People use the factors of one day in the middle of the period, {day}: releases of that day are named here.",
    )


def _weights(estimate: EstimateView) -> str:
    by = "Each counted person stands for residents of the same home district, age band and gender"
    if estimate.panel:
        return f"{by}. Release {estimate.panel} says how many of them opted in."
    return f"{by}. The night hours of release {estimate.footfall} say how many of them opted in."


def _missed(estimate: EstimateView) -> str:
    used = [each for each in (estimate.detection, estimate.dwell, estimate.trips) if each]
    return corrected(used) if used else NOT_CORRECTED


def _borders(release: ReleaseView, estimate: EstimateView) -> str:
    if not release.instant:
        return PLACES_OF_STAYS
    said = ["Antennas also serve phones beyond the border of a zone: this is corrected."]
    if estimate.weak_zones:
        said.append(f"The correction is weak in {phrase(estimate.weak_zones, 'and')}.")
    return " ".join(said)
