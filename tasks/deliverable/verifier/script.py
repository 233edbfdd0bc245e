"""The command line of the single file."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.deliverable.verifier.index_history import Verified, check_recipient, verify_objects
from tasks.deliverable.verifier.location import (
    folder_objects,
    keys_above,
    pinned_key,
    read_state,
    split_location,
    write_state,
)
from tasks.deliverable.verifier.untrusted import VerificationError, plain_name


def main(words: Sequence[str] | None = None) -> int:
    """Verify a folder, print the outcome, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="the sender's key, received another way")
    parser.add_argument("--state", type=Path, metavar="FILE", help="remembers what was verified; refuses less later")
    parser.add_argument(
        "--sequence", type=int, default=0, metavar="N", help="the least sequence that the index may have"
    )
    parser.add_argument("--client", metavar="NAME", help="your name as the sender's client; refuses what is another's")
    given = parser.parse_args(words)
    try:
        verified = _verify_folder(given.folder, given.public_key, given.state, given.sequence, given.client)
    except VerificationError as fault:
        print(f"{fault.code}: {fault.what} {fault.action}", file=sys.stderr)
        return fault.exit_code
    except OSError as error:
        print(f"{plain_name(str(error.filename))} cannot be read: {error.strerror}.", file=sys.stderr)
        return 2
    print("\n".join(verified.lines))
    return 0


def _verify_folder(folder: str, key: Path | None, state: Path | None, sequence: int, client: str | None) -> Verified:
    root, documents = split_location(folder)
    pinned, seen = pinned_key(key) if key else None, read_state(state, root) if state else None
    objects = folder_objects(Path(root))
    verified = verify_objects(objects, pinned, documents, None, seen, sequence, lambda: keys_above(root))
    if client is not None:
        check_recipient(verified, client)
    if state:
        write_state(state, verified)
    return verified


if __name__ == "__main__":
    sys.exit(main())
