"""What a delivery states in several of its files."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tasks.deliverable.level_view import LevelView
from tasks.deliverable.view import Exclusion, ReleaseView
from tasks.period import Cadence
from tasks.policy import Eligibility, Publisher

UNIT = "everything of one subscriber (one SIM) in one calendar month"
MECHANISM = (
    "counts over keys known beforehand, each subscriber's share bounded in L2, plus discrete Gaussian noise "
    "(rho-zCDP); levels whose sums must agree reconciled by least squares; small noisy values withheld"
)
DERIVED_MECHANISM = "computed from released numbers alone, without further cost"
COMPOSITION = (
    "The bound holds per SIM and calendar month. Months add up: n months reveal at most n times the rho of one. "
    "The SIMs of one person add up too."
)
IN_WORDS = (
    "In words: a coin decides whether a subscriber is counted, and somebody who knows all else guesses the coin. "
    "With all releases of a month, at most about {guesses} of 100 such guesses are right; with none, 50 are."
)
PERMITTED = "Statistics of places and times."
FORBIDDEN = (
    "To single out, re-identify or contact a person, or to attempt it.",
    "To combine the numbers with other data, or with other deliveries, in order to do so.",
)
PERMITTED_USE = f"{PERMITTED} Not permitted: {' '.join(FORBIDDEN)}"
NOT_STATED = "not stated"
PUBLISHER_TITLES = {
    "name": "Publisher",
    "legal_address": "Address",
    "support": "Support",
    "support_hours": "Support hours",
    "url": "Website",
    "licence": "Licence",
    "sla": "Service level beside the deadline",
    "retention": "How long you may keep it",
    "recall": "If a delivery is recalled",
    "onward_sharing": "Passing it on",
    "data_protection": "Data protection",
}
"""What the publisher states, in the order of reading."""


def left_out(who: Eligibility) -> tuple[Exclusion, ...]:
    """Who is never counted under a policy, one sentence each."""
    segments = " or ".join(who.segments)
    sentences = {
        "other_networks": "Persons without a SIM of this network.",
        "no_opt_in": f"Persons who did not opt in to the purpose '{who.purpose}', or withdrew before publication.",
        "age": f"Persons of {who.minimum_age} years or less (year of the period minus year of birth), and those whose "
        "year of birth is not known.",
        "segment": f"SIMs of contracts that are not {segments}, such as those of businesses and machines.",
        "foreign": f"SIMs from other countries than {who.home_mcc} (mobile country code), such as those of foreign "
        "visitors.",
    }
    return tuple(Exclusion(code, sentence) for code, sentence in sentences.items())


def published_by(publisher: Publisher) -> dict[str, str]:
    """What the publisher states, by title; what is not set is said to be not stated."""
    return {title: getattr(publisher, name) or NOT_STATED for name, title in PUBLISHER_TITLES.items()}


def additions(level: LevelView, cadence: Cadence, quote: str = "") -> str:
    """Over which columns and periods a level's values may be added; names between quotes."""
    over = [f"{quote}{column}{quote}" for column in level.additive_columns]
    if level.quantity.happens:
        over += [f"{unit}s" for unit in times(level, cadence)]
    if not over:
        return "Values may not be added."
    within = f"Within one {level.instant.unit}, values" if level.instant and not level.quantity.happens else "Values"
    return f"{within} may be added over {phrase(over, 'and')}."


def missing_rows(level: LevelView) -> str:
    """What it means that a key of the level has no row; empty where every granted key has one."""
    return f"Not every key has a row. {level.missing} A row that is not there is no zero." if level.missing else ""


def never_add(release: ReleaseView) -> str:
    """Over what no level's values may be added."""
    said = ["Never add over levels: each level counts the same again."] if len(release.levels) > 1 else []
    levels = [table.levels[0] for table in release.tables]
    for level in levels:
        if level.quantity.counts and not level.quantity.happens:
            units = phrase([f"{unit}s" for unit in times(level, release.period.cadence)], "or")
            said.append(f"Never add {level.quantity.name} over {units}: the same one can be counted in several.")
    computed = [level.quantity.name.replace("_", " ") for level in levels if not level.quantity.counts]
    if computed:
        said.append(f"Never add {phrase(list(dict.fromkeys(computed)), 'or')}: they are no counts.")
    return " ".join(dict.fromkeys(said))


def times(level: LevelView, cadence: Cadence) -> list[str]:
    """The units of time between which a level's numbers differ, the shortest first."""
    return [*([level.instant.unit] if level.instant else []), cadence.value]


def phrase(names: Sequence[str], last: str) -> str:
    """Names as a phrase: a, b `last` c."""
    *first, end = names
    return f"{', '.join(first)} {last} {end}" if first else end


def clock_change(release: ReleaseView) -> str:
    """What the local clock does where its offset from UTC changes within the period; empty if it does not."""
    if release.instant is None:
        return ""
    local = [instant.astimezone(release.local) for instant in release.instant.values]
    for before, after in pairwise(local):
        if (by := _offset(after) - _offset(before)) == timedelta(0):
            continue
        if (unit := release.instant.unit) != "hour":
            hours = (after.astimezone(UTC) - before.astimezone(UTC)) // timedelta(hours=1)
            longer = f"the {unit} from {before:%H:%M} to {after:%H:%M} has {hours} hours"
            return f"On {after.date()} clocks go {'forward' if by > timedelta(0) else 'back'}: {longer}."
        forward = f"forward: after hour {before.hour} comes hour {after.hour}"
        back = f"back: hour {after.hour} appears twice, and {release.instant.column} tells which one"
        return f"On {after.date()} clocks go {forward if by > timedelta(0) else back}."
    return ""


def _offset(local: datetime) -> timedelta:
    """Local clock minus UTC."""
    return local.utcoffset() or timedelta(0)
