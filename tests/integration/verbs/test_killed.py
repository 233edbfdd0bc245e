"""kill -9 at borders between a verb and its stores, then the same command again: as if nothing had happened.

`make test` kills where something is charged, drawn, committed or sent; `make soak` at every border.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.forked import KILLED
from tests.integration.verbs.acting import DAY, Act, in_bucket, keep_reason, perform
from tests.integration.verbs.books import Books, Ended
from tests.integration.verbs.homes import copied
from tests.integration.verbs.place import DELIVER, INGEST, PUBLISH, Killed, Place, check_bucket

ALIKE = ("staged.write",)
"""Called once a bucket: killed after the first and the last of them."""
READING = {
    "audit.entries", "audit.entry", "catalog.active_clients", "catalog.client", "catalog.client_index",
    "catalog.current", "catalog.days", "catalog.deliveries", "catalog.delivery",
    "catalog.delta_log", "catalog.gate", "catalog.generations", "catalog.listings",
    "installation.check", "digest_key.digest", "pseudonym_keys.existing", "signing_keys.current", "signing_keys.ring",
    "locks.confirm", "locks.hold",
    "staged.profile", "catalog.expired_periods", "catalog.lake_files", "catalog.superseded",
    "data_keys.existing", "audit.newest", "catalog.chain", "catalog.register_versions",
    "lake.delivered_zones",
    "lake.eligible", "lake.eligible_basis", "lake.staged_version", "lake.check_files", "lake.coverage", "lake.delivery",
    "lake.plan",
    "lake.release", "lake.rows", "lake.staged", "ledger.find", "ledger.months", "ledger.releases",
    "s3.get_object", "s3.get_paginator", "buckets.open",
}  # fmt: skip
"""After a call that only reads, or locks, all that is durable is as after the call before: nobody is killed there."""


def after_each_call(borders: Sequence[str], since: str = "") -> list[int]:
    """The borders after each call that changes something, or only those since a certain one."""
    changing = [number for number, border in enumerate(borders, 1) if _changes(border)]
    for alike in ALIKE:
        these = [number for number in changing if borders[number - 1] == f"after {alike}"]
        changing = [number for number in changing if number not in these[1:-1]]
    named = [place for place, number in enumerate(changing) if borders[number - 1] == f"after {since}"]
    return changing[named[0] :] if since else changing


def _changes(border: str) -> bool:
    when, call = border.rsplit(" ", 1)
    return when in ("after", "inside", "outside") and call not in READING


@pytest.fixture(params=["where it counts", pytest.param("anywhere", marks=pytest.mark.soak)])
def anywhere(request: pytest.FixtureRequest) -> bool:
    """Whether to kill at every border."""
    return bool(request.param == "anywhere")


def after(borders: Sequence[str], numbers: Sequence[int], *calls: str) -> list[int]:
    """Of these borders the last one after each of the calls."""
    return [max(number for number in numbers if borders[number - 1].endswith(f" {call}")) for call in calls]


def without_days(books: Books) -> Books:
    """Books of a day that was rejected once or twice."""
    return replace(books, days=[], accounts=[], audit=[act for act in books.audit if act[0] != "day rejected"])


def check_drawn_once(killed: Killed) -> None:
    """Released is what was staged first; a second intent only after death between the first one and staged bytes."""
    again = killed.again
    assert again.stored == again.sha256, killed.border
    assert killed.rested.items() <= again.stored.items(), killed.border
    twice = [1] if killed.border.endswith("after ledger.intend_draw") else []
    assert sorted(again.intents.values()) == sorted([1] * (len(again.intents) - len(twice)) + [2] * len(twice)), killed


def test_an_ingest_killed_anywhere_and_run_again_is_one_generation_with_equal_rows(
    place: Place, empty: Path, ingested: tuple[Path, Ended], anywhere: bool
) -> None:
    whole = ingested[1]
    assert (whole.outcome, len(whole.books.days)) == ("Ingested", 1)
    assert len(whole.books.lake) > 20
    at = after_each_call(whole.borders)
    if not anywhere:
        at = after(whole.borders, at, "ledger.reserve", "ledger.intend_draw", "staged.complete", "catalog.accept_day")
    for killed in place.killed(INGEST, empty, whole.borders, at):
        check_drawn_once(killed)
        assert killed.again.books == whole.books, killed.border


def test_a_second_generation_killed_anywhere_and_run_again_follows_the_first(
    place: Place, ingested: tuple[Path, Ended], anywhere: bool
) -> None:
    changed = place.with_more_files()
    _, whole = changed.done(INGEST, ingested[0], "ingested again")
    assert [(day[1], str(day[2])) for day in whole.books.days] == [(1, "superseded"), (2, "current")]
    early = [whole.borders.index(f"after {call}") + 1 for call in ("catalog.begin_day", "staged.write")]
    late = after_each_call(whole.borders, since="lake.stage_release")
    at = [*early, *late] if anywhere else after(whole.borders, late, "staged.complete", "catalog.accept_day")
    for killed in changed.killed(INGEST, ingested[0], whole.borders, at):
        check_drawn_once(killed)
        assert killed.again.books == whole.books, killed.border


def test_a_rejected_day_killed_anywhere_and_run_again_leaves_the_generation_that_counts(
    place: Place, ingested: tuple[Path, Ended], anywhere: bool
) -> None:
    spoilt = place.with_more_files(b"no Parquet")
    _, whole = spoilt.done(INGEST, ingested[0], "rejected")
    assert whole.outcome == "RejectedInput"
    assert [(day[1], str(day[2])) for day in whole.books.days] == [(1, "current"), (2, "rejected")]
    assert (whole.books.lake, whole.books.left_over) == (ingested[1].books.lake, [])
    at = after_each_call(whole.borders, since="ledger.publish")
    if not anywhere:
        at = after(whole.borders, at, "staged.discard", "catalog.reject_day")
    for killed in spoilt.killed(INGEST, ingested[0], whole.borders, at):
        check_drawn_once(killed)
        assert killed.again.outcome == "RejectedInput", killed.border
        assert not (killed.candidates and killed.border.endswith("catalog.reject_day")), (
            "what is rejected rests nowhere"
        )
        assert killed.again.books.days[:2] == whole.books.days, killed.border
        assert without_days(killed.again.books) == without_days(whole.books), killed.border


def test_a_publication_killed_anywhere_and_run_again_is_one_release_and_one_charge(
    place: Place, ingested: tuple[Path, Ended], published: tuple[Path, Ended], anywhere: bool
) -> None:
    whole = published[1]
    assert whole.outcome == "Published"
    at = after_each_call(whole.borders)
    if not anywhere:
        at = after(whole.borders, at, "ledger.reserve", "ledger.intend_draw", "lake.stage_release", "ledger.publish")
    for killed in place.killed(PUBLISH, ingested[0], whole.borders, at):
        check_drawn_once(killed)
        assert killed.again.books == whole.books, killed.border


def test_a_revision_killed_anywhere_and_run_again_is_one_revision_and_the_first_release_stands(
    place: Place, published: tuple[Path, Ended], anywhere: bool
) -> None:
    reason = place.warm(keep_reason, published[0], place.landing)
    act = Act("publish", ("footfall", str(DAY), f"footfall/v3/{DAY}/r1", reason))
    _, whole = place.done(act, published[0], "revised")
    assert len(whole.books.releases) == len(published[1].books.releases) + 1
    at = after_each_call(whole.borders, since="ledger.reserve")
    if not anywhere:
        at = after(whole.borders, at, "ledger.reserve", "ledger.intend_draw")
    for killed in place.killed(act, published[0], whole.borders, at):
        check_drawn_once(killed)
        assert killed.again.books == whole.books, killed.border
        assert published[1].stored.items() <= killed.again.stored.items(), killed.border


def test_a_delivery_killed_anywhere_and_run_again_is_one_delivery_and_the_bucket_holds_its_bytes(
    place: Place, published: tuple[Path, Ended], anywhere: bool
) -> None:
    before = copied(published[0], Path(mkdtemp(dir=place.root)) / "with a client")
    place.in_a_fresh_folder(before)
    _, whole = place.done(DELIVER, before, "delivered")
    rendered = whole.borders.index("after catalog.record_rendered") + 1
    at = [number for number in after_each_call(whole.borders) if number < rendered]
    if not anywhere:
        at = after(whole.borders, at, "lake.write_delivery")
    for killed in place.killed(DELIVER, before, whole.borders, at, place.in_a_fresh_folder):
        assert killed.again.books == whole.books, killed.border
        check_bucket(place, killed.home, killed.border)


def test_a_rendered_delivery_killed_anywhere_and_run_again_is_completed(
    place: Place, published: tuple[Path, Ended], anywhere: bool
) -> None:
    before = copied(published[0], Path(mkdtemp(dir=place.root)) / "rendered")
    place.in_a_fresh_folder(before)
    borders = place.done(DELIVER, before, "at once")[1].borders
    rendered = borders.index("after catalog.record_rendered") + 1
    assert place.warm(perform, DELIVER, before, place.landing, rendered) == KILLED
    place.apply(before, f"{before.parent.name}-completed")
    _, whole = place.done(DELIVER, before, "completed")
    since = after_each_call(whole.borders, since="s3.put_object")
    assert [whole.borders[number - 1] for number in since].count("after s3.put_object") == 24
    calls = ("catalog.mark_delivered", "catalog.extend_delta_log", "catalog.record_index", "s3.put_object")
    at = since if anywhere else [since[0], *after(whole.borders, since, *calls)]
    for killed in place.killed(DELIVER, before, whole.borders, at, place.in_a_fresh_folder):
        assert killed.again.books == whole.books, killed.border
        check_bucket(place, killed.home, killed.border)


def test_a_delivery_of_which_nothing_was_written_is_not_completed_though_its_reference_data_is_there(
    place: Place, published: tuple[Path, Ended]
) -> None:
    home = copied(published[0], place.root / "never begun")
    place.apply(home, "never-begun")
    place.warm(perform, DELIVER, home, place.landing)
    place.apply(home, "elsewhere", '"parquet", "csv"')
    borders = place.done(DELIVER, home, "elsewhere")[1].borders
    place.apply(home, "never-begun", '"parquet", "csv"')
    rendered = borders.index("after catalog.record_rendered") + 1
    assert place.warm(perform, DELIVER, home, place.landing, rendered) == KILLED
    place.apply(home, "never-begun")
    ended = place.warm(perform, DELIVER, home, place.landing)
    states = [(revision, str(state)) for *_, revision, state in ended.books.deliveries]
    assert states == [(1, "delivered"), (2, "rendered"), (3, "delivered")]
    assert place.warm(in_bucket, home, place.landing, "nordmarkt")[2] == "verified with the pinned key"


def test_a_delivery_cut_off_before_its_grant_changed_is_completed_so_that_the_folder_verifies(
    place: Place, published: tuple[Path, Ended]
) -> None:
    home = copied(published[0], place.root / "cut off")
    place.apply(home, "uncut")
    borders = place.done(DELIVER, home, "uncut")[1].borders
    place.apply(home, "cut-off")
    second = [number for number, border in enumerate(borders, 1) if border == "after s3.put_object"][1]
    assert place.warm(perform, DELIVER, home, place.landing, second) == KILLED
    place.apply(home, "cut-off", '"parquet", "csv"')
    ended = place.warm(perform, DELIVER, home, place.landing)
    assert [(revision, str(state)) for *_, revision, state in ended.books.deliveries] == [
        (1, "delivered"),
        (2, "delivered"),
    ]
    check_bucket(place, home, "cut off")
