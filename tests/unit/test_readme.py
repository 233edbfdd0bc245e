"""What the README shows of the code is what the code does."""

import re
from pathlib import Path

from tasks.store.ledger import RELEASE_TRANSITIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_diagram_of_a_release_is_the_table_of_transitions() -> None:
    shown = set(re.findall(r"^    (\w+) --> (\w+)$", README, re.MULTILINE))
    assert shown == {(state.value, after.value) for state, follows in RELEASE_TRANSITIONS.items() for after in follows}
