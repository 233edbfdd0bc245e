"""What is done stays done, and what has begun is finished, whatever has changed around it."""

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

from tests.forked import KILLED
from tests.integration.verbs.acting import DAY, Act, index_of, keep_reason, perform, put_foreign
from tests.integration.verbs.books import Ended
from tests.integration.verbs.homes import copied
from tests.integration.verbs.place import DELIVER, INGEST, PUBLISH, Place, check_bucket


def test_a_landing_that_came_back_is_judged_by_the_profile_it_was_charged_for(
    place: Place, ingested: tuple[Path, Ended]
) -> None:
    home = copied(ingested[0], place.root / "came back")
    place.warm(perform, INGEST, home, place.with_more_files().landing)
    back = place.warm(perform, INGEST, home, place.landing)
    assert back.outcome == "Ingested"
    assert [(day[1], str(day[2]), day[5]) for day in back.books.days] == [
        (1, "superseded", 1),
        (2, "superseded", 2),
        (3, "current", 1),
    ]
    assert len(back.books.charges) == 2


def test_a_release_that_is_not_finished_is_not_revised_but_finished(place: Place, ingested: tuple[Path, Ended]) -> None:
    home = copied(ingested[0], place.root / "unfinished")
    reason = place.warm(keep_reason, home, place.landing)
    revise = Act("publish", (*PUBLISH.given, f"footfall/v3/{DAY}/r1", reason))
    borders = place.done(PUBLISH, home, "finished")[1].borders
    assert place.warm(perform, PUBLISH, home, place.landing, borders.index("after ledger.reserve") + 1) == KILLED
    assert place.warm(perform, revise, home, place.landing).outcome == "RefusedRelease"
    assert place.warm(perform, PUBLISH, home, place.landing).outcome == "Published"
    assert place.warm(perform, revise, home, place.landing).outcome == "Published"


def test_a_published_release_stands_without_the_files_it_was_drawn_from(
    place: Place, published: tuple[Path, Ended]
) -> None:
    landing = Path(mkdtemp(dir=place.root)) / "landing"
    shutil.copytree(place.landing, landing)
    (landing / "consents.parquet").unlink()
    _, again = replace(place, landing=landing).done(PUBLISH, published[0], "without consents")
    assert again.outcome == "AlreadyPublished"


def test_a_delivery_that_is_there_is_found_without_writing(place: Place, published: tuple[Path, Ended]) -> None:
    home = copied(published[0], place.root / "found")
    place.apply(home, "found", '"parquet"')
    first = place.warm(perform, DELIVER, home, place.landing)
    assert first.outcome == "Delivered"
    assert not [border for border in first.borders if "head_object" in border], "it may be denied for what is missing"
    again = place.warm(perform, DELIVER, home, place.landing)
    assert again.outcome == "AlreadyDelivered"
    assert not [border for border in again.borders if "put" in border or "mark_" in border]
    place.apply(home, "found", '"parquet", "delta"')
    later = place.warm(perform, DELIVER, home, place.landing)
    assert (later.outcome, len(later.books.deliveries)) == ("AlreadyDelivered", 1), "a log changes no delivery"
    check_bucket(place, home, "with a log")


def test_the_index_says_that_writing_failed_while_it_fails(place: Place, published: tuple[Path, Ended]) -> None:
    home = copied(published[0], place.root / "foreign")
    place.apply(home, "foreign")
    place.warm(put_foreign, home, place.landing, "nordmarkt", f"footfall/v3/docs/cadence=day/dt={DAY}/revision=1")
    assert place.warm(perform, DELIVER, home, place.landing).outcome == "RefusedDelivery"
    (entry,) = place.warm(index_of, home, place.landing, "nordmarkt")["periods"]
    assert (entry["state"], entry["cause"]) == ("late", "bucket_refused")


def test_a_revision_that_is_not_finished_does_not_hide_the_release_before(
    place: Place, published: tuple[Path, Ended]
) -> None:
    home = copied(published[0], place.root / "hidden")
    reason = place.warm(keep_reason, home, place.landing)
    revise = Act("publish", (*PUBLISH.given, f"footfall/v3/{DAY}/r1", reason))
    borders = place.done(revise, home, "revised at once")[1].borders
    assert place.warm(perform, revise, home, place.landing, borders.index("after ledger.reserve") + 1) == KILLED
    place.apply(home, "hidden")
    assert place.warm(perform, DELIVER, home, place.landing).outcome == "Delivered"
