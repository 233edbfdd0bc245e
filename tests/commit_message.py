"""Check a commit message: `python -m tests.commit_message FILE`."""

import re
import sys
from pathlib import Path

LONGEST = 72
_NOT_IMPERATIVE = re.compile(
    r"(?!Need|Feed|Seed|Embed|Bring|Ping)\w+(?:ed|ing)\b|(?:Adds|Fixes|Removes|Changes|Updates|Makes|Uses|Renames|Moves)\b"
)


def faults(message: str) -> list[str]:
    """What is wrong with a message, a sentence each."""
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    subject = lines[0] if lines else ""
    if subject.startswith(("fixup! ", "squash! ", "Merge ", "Revert ")):
        return []
    rules = {
        "Start with a capital letter.": not subject[:1].isupper(),
        f"Write {LONGEST} characters at most.": len(subject) > LONGEST,
        "End without a full stop.": subject.endswith("."),
        "Use the imperative: `Add`, not `Added` or `Adds`.": bool(_NOT_IMPERATIVE.match(subject)),
        "Leave the second line empty.": len(lines) > 1 and bool(lines[1].strip()),
    }
    return [fault for fault, broken in rules.items() if broken]


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]).read_text())
    print(*found, sep="\n")
    sys.exit(bool(found))
