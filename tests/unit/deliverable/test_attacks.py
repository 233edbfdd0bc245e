"""One table of attacks on what a client received: `throng verify` and the single file refuse each alike."""

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.deliverable import verifier
from tasks.deliverable.delta import DeltaDelivery, extended, log_files
from tasks.deliverable.files import Rendered
from tasks.deliverable.signature import pem, public_key, sign
from tasks.deliverable.verifier import source
from tests.unit.deliverable import key_attacks
from tests.unit.deliverable.attack import Attack, Files
from tests.unit.deliverable.factories import (
    SIGNING_KEY,
    grant_view,
    index_of,
    placed,
    release_view,
    rendered,
    revision,
    signed_again,
)
from tests.unit.deliverable.log_attacks import log_attacks

FIRST = rendered(grant=grant_view("Z01"))
SECOND = rendered(grant=grant_view("Z01"), delivery=revision(FIRST))
NEXT_DAY = rendered(release_view(date(2026, 3, 3)), grant=grant_view("Z01"))
OTHER_KEY = bytes(range(1, 33))
OLDEST = index_of(FIRST)
LOGS = extended([], [DeltaDelivery.read(each.files) for each in (FIRST, SECOND, NEXT_DAY)])
INDEX = index_of(FIRST, SECOND, NEXT_DAY, sequence=3, previous=64 * "a", logs=LOGS)
GOOD = {"index.json": INDEX, **placed(FIRST, SECOND, NEXT_DAY), **log_files("footfall/v3", LOGS)}
MANIFEST = f"{NEXT_DAY.path.folder}/manifest.json"


def index_with(change: Callable[[dict[str, Any]], object]) -> Files:
    """The prefix with an index that a hostile signer changed."""
    return {**GOOD, "index.json": signed_again(INDEX, change)}


def index_instead(old: bytes, new: bytes) -> Files:
    assert old in INDEX
    return {**GOOD, "index.json": INDEX.replace(old, new, 1)}


def delivery_with(change: Callable[[dict[str, Any]], object], key: bytes = SIGNING_KEY) -> Rendered:
    """The next day with a manifest that a hostile signer changed."""
    documents = NEXT_DAY.path.documents
    document = json.loads(NEXT_DAY.files[f"{documents}/manifest.json"])
    change(document)
    content = json.dumps(document).encode()
    signed = {f"{documents}/manifest.json": content, f"{documents}/manifest.sig": sign(key, content)}
    return replace(NEXT_DAY, files={**NEXT_DAY.files, **signed})


def manifest_with(change: Callable[[dict[str, Any]], object]) -> Files:
    day = delivery_with(change)
    return {"index.json": index_of(FIRST, SECOND, day, sequence=3, previous=64 * "a"), **placed(FIRST, SECOND, day)}


def listed(**names: object) -> Files:
    return index_with(lambda document: document["deliveries"][2].update(names))


def file_of(**names: object) -> Files:
    return manifest_with(lambda document: document["files"][0].update(names))


def flipped(name: str) -> Attack:
    content = bytearray(GOOD[name])
    content[len(content) // 2] ^= 1
    return Attack({**GOOD, name: bytes(content)})


def without(part: str, files: Mapping[str, bytes] = GOOD) -> Files:
    return {name: content for name, content in files.items() if part not in name}


def nested(folder: Path) -> None:
    """More folders in each other than a program calls functions."""
    os.chdir(folder)
    for _ in range(1_200):
        os.mkdir("d")  # noqa: PTH102
        os.chdir("d")
    Path("stray").write_bytes(b"")


def linked(folder: Path) -> None:
    (folder / f"{NEXT_DAY.path.folder}/README.md").rename(folder.parent / "kept")
    (folder / f"{NEXT_DAY.path.folder}/README.md").symlink_to(folder.parent / "kept")


def sparse(folder: Path) -> None:
    os.truncate(folder / "index.json", 1 << 40)


KINDS = {Path(name).name: name for name in sorted(GOOD) if NEXT_DAY.path.partition in name or "/" not in name}
STATE, SEQUENCE = ("--state", "seen.json"), ("--sequence", "3")
ATTACKS = {
    **{name: Attack(files, code) for name, (files, code) in log_attacks(GOOD, LOGS).items()},
    **key_attacks.REFUSED,
    **{f"a byte of {kind}": flipped(name) for kind, name in KINDS.items()},
    "a blank in the index": Attack(index_instead(b'"format": 2', b'"format":  2'), "delivery.signature_invalid"),
    "no signatures": Attack(index_instead(b'"signatures"', b'"signaturez"'), "delivery.document_invalid"),
    "an empty list of signatures": Attack(
        {**GOOD, "index.json": INDEX[: INDEX.index(b'"signatures"')] + b'"signatures": []\n}\n'},
        "delivery.other_key",
    ),
    "an index by another key": Attack(
        {**GOOD, "index.json": signed_again(INDEX, lambda document: None, OTHER_KEY)}, "delivery.other_key"
    ),
    "another key under our key's id": Attack(
        {**GOOD, "index.json": INDEX.replace(INDEX[INDEX.index(b'"signature": "') + 14 :][:8], b"00000000")},
        "delivery.signature_invalid",
    ),
    "a manifest by another key": Attack(
        {**GOOD, **placed(rendered(release_view(date(2026, 3, 3)), key=OTHER_KEY))}, "delivery.other_key"
    ),
    "revision 1 with its old index": Attack({"index.json": OLDEST, **placed(FIRST)}, "index.rolled_back", STATE),
    "revision 1, where 3 is the least": Attack({"index.json": OLDEST, **placed(FIRST)}, "index.rolled_back", SEQUENCE),
    "an old index beside all deliveries": Attack({**GOOD, "index.json": OLDEST}, "index.unnamed_objects"),
    "no index, where one was seen": Attack(without("index.json"), "delivery.object_missing", STATE),
    "a dropped day": Attack(without("dt=2026-03-03"), "delivery.object_missing"),
    "a dropped day with its entry": Attack(
        {
            **without("dt=2026-03-03"),
            "index.json": json.dumps(json.loads(INDEX) | {"deliveries": [], "periods": []}).encode(),
        },
        "delivery.signature_invalid",
    ),
    "a dropped day by its signer": Attack(
        {"index.json": index_of(FIRST, SECOND, sequence=4, previous=None), **placed(FIRST, SECOND)},
        "index.other_history",
        STATE,
    ),
    "a dropped day much later": Attack(
        {"index.json": index_of(FIRST, SECOND, sequence=9), **placed(FIRST, SECOND)}, "index.delivery_dropped", STATE
    ),
    "another index of the same sequence": Attack(
        index_with(lambda document: document.update(issued_at="2026-03-06T09:00:00Z")), "index.other_history", STATE
    ),
    "the index of another client": Attack(
        index_with(lambda document: document.update(client="stadtlicht", sequence=9)), "index.other_client", STATE
    ),
    "the index of another client, of a lower sequence": Attack(
        index_with(lambda document: document.update(client="stadtlicht", sequence=1)), "index.other_client", STATE
    ),
    "all that another client received": Attack(GOOD, "delivery.other_recipient", ("--client", "stadtlicht")),
    "a delivery that another client received": Attack(
        GOOD, "delivery.other_recipient", ("--client", "stadtlicht"), below=NEXT_DAY.path.folder
    ),
    "a delivery to another client in the index of its signer": Attack(
        index_with(lambda document: document.update(client="stadtlicht")), "delivery.other_client"
    ),
    "one object more": Attack({**GOOD, "footfall/v3/data/zone_hour/part-1.parquet": b""}, "index.unnamed_objects"),
    "one object more in a delivery": Attack({**GOOD, f"{NEXT_DAY.path.folder}/x/y": b""}, "delivery.files_differ"),
    "one object less": Attack(without("zones.geojson"), "delivery.files_differ"),
    "a path of a parent": Attack(file_of(path="../../index.json"), "delivery.document_invalid"),
    "an absolute path": Attack(file_of(path="/etc/passwd"), "delivery.document_invalid"),
    "a path of another system": Attack(file_of(path="docs\\README.md"), "delivery.document_invalid"),
    "a path with an end": Attack(file_of(path="docs/README.md\0.txt"), "delivery.document_invalid"),
    "a path with a further line": Attack(file_of(path="docs/README.md\n"), "delivery.document_invalid"),
    "a path of another delivery": Attack(file_of(path=f"{FIRST.path.documents}/README.md"), "delivery.manifest_names"),
    "a path in other letters": Attack(
        manifest_with(lambda m: m["files"].append(m["files"][0] | {"path": m["files"][0]["path"].swapcase()})),
        "delivery.manifest_names",
    ),
    "the folder of another product": Attack(listed(path="visitors/v3/" + NEXT_DAY.path.documents)),
    "another product in the folder": Attack(listed(product="visitors")),
    "a parent in the index": Attack(listed(path="footfall/v3/docs/../docs"), "delivery.document_invalid"),
    "a long name": Attack(listed(path="a" * 5_000), "delivery.document_invalid"),
    "a repeated name in the index": Attack(
        index_instead(b'{\n  "client"', b'{\n  "sequence": 3,\n  "client"'), "delivery.document_unreadable"
    ),
    "a repeated name in a manifest": Attack(
        {**GOOD, MANIFEST: GOOD[MANIFEST].replace(b'"format": 2', b'"format": 2, "format": 2')},
        "delivery.document_unreadable",
    ),
    "a name that is not ASCII": Attack(index_with(lambda d: d.update({"ä": 1})), "delivery.document_unreadable"),
    "half a character": Attack(
        index_instead(b'"client": "nordmarkt"', b'"client": "nordmarkt", "more": "\\ud800"'),
        "delivery.signature_invalid",
    ),
    "a number of a million digits": Attack(
        index_instead(b'"sequence": 3', b'"sequence": ' + b"9" * 1_000_000), "delivery.document_unreadable"
    ),
    "a huge number": Attack(index_with(lambda d: d.update(sequence=1 << 53)), "delivery.document_invalid"),
    "a fraction of no meaning": Attack(
        index_instead(b'"client": "nordmarkt"', b'"client": "nordmarkt", "more": 1.5'), "delivery.document_unreadable"
    ),
    "a fraction": Attack(index_instead(b'"sequence": 3', b'"sequence": 3.0'), "delivery.document_unreadable"),
    "a word for a number": Attack(index_with(lambda d: d.update(sequence="3")), "delivery.document_invalid"),
    "true for a number": Attack(index_with(lambda d: d.update(sequence=True)), "delivery.document_invalid"),
    "a list for an object": Attack(index_with(lambda d: d.update(periods=[[]])), "delivery.document_invalid"),
    "an object for a list": Attack(index_with(lambda d: d.update(periods={})), "delivery.document_invalid"),
    "null for a manifest": Attack({**GOOD, MANIFEST: b"null"}, "delivery.document_invalid"),
    "NaN": Attack({**GOOD, "index.json": b"NaN"}, "delivery.document_unreadable"),
    "UTF-16": Attack({**GOOD, "index.json": INDEX.decode().encode("utf-16")}, "delivery.document_unreadable"),
    "deep lists": Attack({**GOOD, "index.json": b"[" * 500_000}, "delivery.document_unreadable"),
    "deep lists that end": Attack(
        index_with(lambda d: d.update(more=json.loads("[" * 50 + "]" * 50))), "delivery.document_unreadable"
    ),
    "deep objects in a manifest": Attack({**GOOD, MANIFEST: b'{"a":' * 100_000}, "delivery.document_unreadable"),
    "a terabyte": Attack(GOOD, "delivery.object_too_large", last=sparse),
    "a link": Attack(GOOD, "delivery.irregular_file", last=linked),
    "deep folders": Attack(GOOD, "index.unnamed_objects", last=nested),
}
MISTAKES = {
    "delivery.location": ("nowhere",),
    "delivery.key_file": ("nothing", "--public-key", "nothing/index.json"),
    "delivery.no_index": (f"nothing/{FIRST.path.folder}", "--state", "new.json"),
    "delivery.state_file": ("nothing", "--state", "key.pem"),
    "delivery.state_inside": ("nothing", "--state", "nothing/seen.json"),
}
"""Wrong arguments, by the code of what is said."""
ALONE = """
import contextlib, io, json, runpy, sys
from importlib.abc import MetaPathFinder

class Nothing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {"cryptography", "cffi", "_cffi_backend", *sys.stdlib_module_names}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nothing())
main, ended = runpy.run_path(sys.argv[1])["main"], {}
for name, words in json.load(sys.stdin).items():
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()) as told:
        code = main(words)
    ended[name] = code, said.getvalue(), told.getvalue()
print(json.dumps(ended))
"""
Ended = Mapping[str, tuple[int, str, str]]
ACCEPTED = {"nothing": Attack(GOOD), "our own": Attack(GOOD, words=("--client", "nordmarkt")), **key_attacks.ACCEPTED}
STATES = {"seen.json": GOOD, "unrotated.json": key_attacks.UNROTATED, "rotated.json": key_attacks.ROTATED}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """The words of each verification: a folder as the attacker left it, the key, and the state of the day before."""
    root = tmp_path_factory.mktemp("attacks")
    for name, key in (("key.pem", SIGNING_KEY), ("new.pem", key_attacks.NEXT_KEY)):
        (root / name).write_text(pem(public_key(key)))
    for state, files in STATES.items():
        folder = str(written(root / f"of {state}", files))
        ran = CliRunner().invoke(app, ["verify", folder, "--state", str(root / state)])
        assert ran.exit_code == 0, ran.output
    words: dict[str, list[str]] = {}
    written(root / "nothing", GOOD)
    here = Path.cwd()
    for number, (name, attack) in enumerate((ATTACKS | ACCEPTED).items()):
        attack.last(written(root / str(number), attack.files))
        os.chdir(here)
        pinned = ["--public-key", str(root / attack.pin)] if attack.pin else []
        asked = [str(_copy(root / word, root / f"{number}.json")) if word in STATES else word for word in attack.words]
        words[name] = [str(root / str(number) / attack.below), *pinned, *asked]
    for code, (place, *more) in MISTAKES.items():
        words[code] = [str(root / place), *(word if word.startswith("--") else str(root / word) for word in more)]
    yield words
    subprocess.run(["rm", "-rf", root], check=True)  # Python's own way calls itself for each deep folder


def _copy(state: Path, own: Path) -> Path:
    """A state file for one attack, since success writes it."""
    own.write_bytes(state.read_bytes())
    return own


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def alone(places: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """How the single file ended, in a process that can import `cryptography` and nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "verify.py").write_bytes(source())
    (folder / "alone.py").write_text(ALONE)
    ran = subprocess.run(
        [sys.executable, "-I", "alone.py", "verify.py"],
        cwd=folder,
        input=json.dumps(places),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    ended: Ended = json.loads(ran.stdout)
    return ended


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_nobody_attacked_verifies_by_both(name: str, places: dict[str, list[str]], alone: Ended) -> None:
    ours = CliRunner().invoke(app, ["verify", *places[name]])
    assert ours.exit_code == 0, ours.output
    assert tuple(alone[name]) == (0, "", ours.stdout)
    verdict = "verified with the pinned key" if ACCEPTED[name].pin else "consistent; key not pinned"
    assert ours.stdout.endswith(f"{verdict}.\n")


def test_the_verdict_shows_the_index(alone: Ended) -> None:
    assert "index 3 of 2026-03-05T09:00:00Z: 2 current, 1 superseded" in alone["nothing"][2]


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_is_refused_by_both_with_the_same_code(
    name: str, places: dict[str, list[str]], alone: Ended
) -> None:
    exit_code, said, printed = alone[name]
    ours = CliRunner().invoke(app, ["verify", *places[name], "--json"])
    code = json.loads(ours.stdout)["code"]
    assert (exit_code, ours.exit_code, printed) == (30, 30, "")
    assert said.startswith(f"{code}: ")
    assert (said.count("\n"), said.isascii()) == (1, True)
    assert ATTACKS[name].code in (None, code)


@pytest.mark.parametrize("code", MISTAKES)
def test_a_wrong_argument_is_no_attack(code: str, places: dict[str, list[str]], alone: Ended) -> None:
    exit_code, said, _ = alone[code]
    ours = CliRunner().invoke(app, ["verify", *places[code], "--json"])
    assert (exit_code, ours.exit_code, json.loads(ours.stdout)["code"]) == (2, 2, code)
    assert said.startswith(f"{code}: ")


def test_the_state_file_of_an_attack_stays_that_of_the_last_success(places: dict[str, list[str]], alone: Ended) -> None:
    seen = json.loads(Path(places["revision 1 with its old index"][-1]).read_text())
    assert (seen["sequence"], len(seen["deliveries"])) == (3, 3)


def test_the_single_file_runs_nothing_that_lies_beside_it(tmp_path: Path) -> None:
    folder = written(tmp_path, dict(FIRST.files))
    beside = folder / FIRST.path.documents
    (beside / "json.py").write_text("raise SystemExit(0)")
    for words in ((), ("-I",)):
        ran = subprocess.run(
            [sys.executable, *words, beside / "verify.py", folder], capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stdout) == (30, "")
        assert "json.py is not in the manifest" in ran.stderr


def test_without_a_memory_an_old_index_with_its_deliveries_verifies(tmp_path: Path) -> None:
    folder = written(tmp_path, {"index.json": OLDEST, **placed(FIRST)})
    assert CliRunner().invoke(app, ["verify", str(folder)]).exit_code == 0


def test_no_two_modules_of_the_single_file_define_the_same_name() -> None:
    trees = [ast.parse(Path(verifier.__file__).with_name(f"{name}.py").read_text()) for name in verifier.MODULES]
    assert {path.stem for path in Path(verifier.__file__).parent.glob("*.py")} == {"__init__", *verifier.MODULES}
    assigned = (node for tree in trees for node in tree.body if isinstance(node, ast.Assign))
    defined = (node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    targets = (name.id for node in assigned for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name))
    names = Counter([*targets, *(node.name for node in defined)])
    assert [name for name, times in names.items() if times > 1] == []
