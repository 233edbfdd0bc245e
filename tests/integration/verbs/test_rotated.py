"""The signing key rotated between deliveries: old and new pins verify, wherever the rotation is killed."""

from pathlib import Path
from tempfile import mkdtemp

import pytest

from tasks.deliverable.signature import public_key
from tasks.deliverable.verifier.index_history import Verified
from tasks.deliverable.verify import verify
from tasks.store.signing_keys import KeyRing, SigningKeys
from tests.forked import KILLED
from tests.integration.verbs.acting import Act, objects_of, perform
from tests.integration.verbs.homes import copied, removed
from tests.integration.verbs.place import DELIVER, Place
from tests.integration.verbs.test_killed import after, after_each_call
from tests.refusals import refused

ROTATE, REVOKE = Act("rotate", ()), Act("rotate", ("a backup was stolen",))


def ring(home: Path) -> KeyRing:
    return SigningKeys(home / "keys" / "signing").ring()


def public(home: Path) -> bytes:
    return public_key(ring(home).private)


def fresh(place: Place, source: Path) -> Path:
    """A copy of a home whose client has an empty folder in the bucket."""
    home = copied(source, Path(mkdtemp(dir=place.root)) / "rotated")
    place.in_a_fresh_folder(home)
    return home


def held(place: Place, home: Path) -> dict[str, bytes]:
    """The client's objects."""
    found: dict[str, bytes] = place.warm(objects_of, home, place.landing, "nordmarkt")
    return found


def checked(objects: dict[str, bytes], pinned: bytes | None, below: str = "") -> Verified:
    """Objects as a reader with this key verifies them; `below`: a product's folder, copied without its Delta logs."""
    chosen = {name: content for name, content in objects.items() if not below or "/_delta_log/" not in name}
    inside = {name.removeprefix(below): content for name, content in chosen.items() if name.startswith(below)}
    sizes = {name: len(content) for name, content in inside.items()}
    return verify(sizes, inside.__getitem__, pinned, above=lambda: objects.get("keys.json"))


def test_deliveries_before_and_after_a_rotation_verify_with_the_old_and_the_new_key(beside_sqlite: Place) -> None:
    place, home = beside_sqlite, fresh(beside_sqlite, beside_sqlite.published[0])
    assert place.warm(perform, DELIVER, home, place.landing).outcome == "Delivered"
    old = public(home)
    assert place.warm(perform, ROTATE, home, place.landing).outcome == "Rotated"
    new = public(home)
    place.apply(home, home.parent.name, '"parquet", "csv"')
    for outcome in ("Delivered", "AlreadyDelivered"):
        assert place.warm(perform, DELIVER, home, place.landing).outcome == outcome
    objects = held(place, home)
    for below in ("", "footfall/v3/"):
        for pinned in (old, new, None):
            assert {each.public_key for each in checked(objects, pinned, below).deliveries} == {old, new}
    place.warm(perform, REVOKE, home, place.landing)
    objects = held(place, home)
    assert len(checked(objects, public(home)).deliveries) == 2, "the index vouches for them"
    for pinned, below in ((old, ""), (new, ""), (public(home), "footfall/v3/"), (None, "footfall/v3/")):
        with refused("delivery.key_revoked"):
            checked(objects, pinned, below)
    assert place.warm(perform, DELIVER, home, place.landing).outcome == "AlreadyDelivered"


@pytest.fixture(params=["where it counts", pytest.param("anywhere", marks=pytest.mark.soak)])
def anywhere(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "anywhere")


def test_a_rotation_killed_anywhere_leaves_what_verifies_and_run_again_makes_one_key(
    beside_sqlite: Place, anywhere: bool
) -> None:
    place, home = beside_sqlite, fresh(beside_sqlite, beside_sqlite.empty)
    place.warm(perform, ROTATE, home, place.landing)  # an index is there
    borders = place.warm(perform, ROTATE, home, place.landing).borders
    at = after_each_call(borders)
    puts = [number for number in at if borders[number - 1] == "after s3.put_object"]
    assert len(puts) == 2, "keys.json, index.json"
    for number in at if anywhere else (puts[0], *after(borders, at, "catalog.record_index")):
        killed = fresh(place, beside_sqlite.empty)
        place.warm(perform, ROTATE, killed, place.landing)
        old, border = public(killed), borders[number - 1]
        assert place.warm(perform, ROTATE, killed, place.landing, number) == KILLED, border
        new, objects = public(killed), held(place, killed)
        for pinned in (old, new) if number > puts[0] else (old,):
            assert checked(objects, pinned).issuer in (old, new), border
        if ring(killed).rotation is None and new != old:
            break  # it had ended: the same command rotates again
        place.warm(perform, ROTATE, killed, place.landing)
        made = public(killed)
        assert (made != old, new in (old, made), len(ring(killed).statements)) == (True, True, 3), border
        objects = held(place, killed)
        assert {checked(objects, pinned).issuer for pinned in (old, made, None)} == {made}, border
        removed(killed)
