"""Why a row is not used: one name each, as the contract has them."""

from enum import StrEnum


class Reason(StrEnum):
    """The reasons, in the order in which a row is judged; the first that applies is the row's reason."""

    UNREADABLE_ROW = "unreadable_row"
    MISSING_SUBSCRIBER = "missing_subscriber"
    NO_CONSENT = "no_consent"
    MISSING_TIME = "missing_time"
    BAD_TIME = "bad_time"
    OUTSIDE_DAY = "outside_day"
    OTHER_DAY = "other_day"
    MISSING_CELL = "missing_cell"
    UNKNOWN_CELL = "unknown_cell"
    EXPIRED_CELL = "expired_cell"
    ABROAD = "abroad"
    BAD_PLMN = "bad_plmn"
    CONFLICTING_PLACE = "conflicting_place"
    DUPLICATE = "duplicate"
    IMPOSSIBLE_SPEED = "impossible_speed"


READ_REASONS: tuple[Reason, ...] = (
    Reason.NO_CONSENT,
    Reason.MISSING_TIME,
    Reason.BAD_TIME,
    Reason.OUTSIDE_DAY,
    Reason.OTHER_DAY,
    Reason.MISSING_CELL,
    Reason.UNKNOWN_CELL,
    Reason.EXPIRED_CELL,
    Reason.ABROAD,
    Reason.BAD_PLMN,
)
"""What can be the reason of a panel member's row at reading; the order is part of the keys and of the profile."""

WALK_REASONS: tuple[Reason, ...] = (Reason.CONFLICTING_PLACE, Reason.DUPLICATE, Reason.IMPOSSIBLE_SPEED)
"""What the walk finds by comparing a subscriber's rows with each other, in the order of judgement."""

QUARANTINED: frozenset[Reason] = frozenset(Reason) - {Reason.NO_CONSENT, Reason.OTHER_DAY} - set(WALK_REASONS)
"""Read reasons whose rows are listed by file and row; the others are only counted."""
