"""Outcomes and references in words that a newcomer understands."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.refs import DayRef, DeliveryRef, ExpiryRef, IndexRef, Outcome, ReleaseRef

if TYPE_CHECKING:
    from tasks.store.tables import Delivery

SHOWN_DAYS = 5
Reference = DayRef | ReleaseRef | DeliveryRef | IndexRef | ExpiryRef

OUTCOME_TEXT: Mapping[Outcome, str] = {
    Outcome.INGESTED: "The day is in the lake.",
    Outcome.PUBLISHED: "The release is drawn, charged and published.",
    Outcome.DELIVERED: "The delivery is in the client's bucket, read back and verified.",
    Outcome.ALREADY_INGESTED: "Nothing to do: this landing was ingested before, and has not changed since.",
    Outcome.ALREADY_PUBLISHED: "Nothing to do: this release exists; nothing was drawn, nothing charged.",
    Outcome.ALREADY_DELIVERED: "Nothing to do: the client's bucket holds this delivery.",
    Outcome.INDEXED: "The client's index says what is expected and late.",
    Outcome.EXPIRED: "Keys and rows whose time is over, and rows of those who withdrew, are gone.",
    Outcome.AWAITING_LANDING: "Nothing to do yet: the day's landing folders are not all closed.",
}


def facts(reference: Reference) -> list[str]:
    """What is worth knowing of a reference, one line each."""
    match reference:
        case DayRef():
            rows = f"{reference.rows_in:,} rows read, {reference.rows_kept:,} kept (generation {reference.generation})"
            return [rows, *(f"Warning: {text}" for text in reference.warnings), *filter(None, [reference.note])]
        case ReleaseRef():
            return [f"{reference}, rho {reference.rho:.4f}", *_missing(reference), *_stale(reference)]
        case DeliveryRef():
            return [f"{reference.location}: {rows_of(reference)}", *_mostly(reference)]
        case ExpiryRef():
            return [str(reference)]
        case IndexRef():
            return []


def rows_of(delivery: "DeliveryRef | Delivery") -> str:
    """How many rows it has, and how many of them are withheld."""
    share = f" ({delivery.withheld / delivery.rows:.0%})" if delivery.rows else ""
    return f"{delivery.rows:,} rows, {delivery.withheld:,} of them{share} withheld as too small"


def _mostly(delivery: DeliveryRef) -> list[str]:
    from tasks.withheld import REMEDY, mostly_withheld

    return [f"Warning: most of it is withheld. {REMEDY}"] if mostly_withheld(delivery) else []


def _missing(release: ReleaseRef) -> list[str]:
    """Days of the period that the release was drawn without."""
    days = release.missing_days
    more = f" and {len(days) - SHOWN_DAYS} more" if len(days) > SHOWN_DAYS else ""
    return [f"Warning: drawn without {len(days)} day(s): {', '.join(days[:SHOWN_DAYS])}{more}"] if days else []


def _stale(release: ReleaseRef) -> list[str]:
    """What has changed since the release was drawn, and what it would cost to draw it again."""
    told = [f"Stale: {text}" for text in release.stale]
    if release.revision_rho is None:
        return told
    again = f"throng publish {release.product} {release.period} --revision-of {release} --reason TEXT"
    return [*told, f"A revision would charge rho {release.revision_rho:.4f}: {again}"]


def people_notes(lacking: Sequence[tuple[str, str]]) -> list[str]:
    """What to publish before a delivery, for the sake of its people: products and days that are not published."""
    if not lacking:
        return []
    names, (_, day) = [name for name, _ in lacking], lacking[0]
    what = "estimated" if "footfall" in names else "corrected for stays that events miss"
    commands = " && ".join(f"throng publish {name} {day}" for name in names)
    lacks = f"{', '.join(names)} of {day} {'are' if len(names) > 1 else 'is'} not published"
    return [f"  Note: its people are not {what}: {lacks}.", f"  Before you deliver: {commands}"]


def next_command(reference: Reference) -> str | None:
    """The command that comes next; None while there is nothing to go on with, or where it depends on the client."""
    if reference.outcome is Outcome.AWAITING_LANDING:
        return None
    from tasks.products.registry import parts

    match reference:
        case DayRef():
            return f"throng backfill {reference.day} {reference.day}"
        case ReleaseRef():
            if not parts(reference.product)[0].for_clients:
                return None
            return f"throng deliver CLIENT {reference.product} {reference.period}"
        case DeliveryRef() | IndexRef() | ExpiryRef():
            return None
