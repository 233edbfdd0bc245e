import pytest

from tasks.store.seal import DoesNotOpen, seal, unseal

KEY, PATH, ROWS = bytes(range(32)), "presence/date=2026-03-01/part-1.sealed", b"rows of persons"


def test_equal_files_under_one_key_are_sealed_to_other_bytes_each_time() -> None:
    """A nonce that came twice would show the difference of two files without the key (NIST SP 800-38D)."""
    sealed = [seal(KEY, PATH, ROWS) for _ in range(100)]
    assert len({each[:12] for each in sealed}) == len({each[12:] for each in sealed}) == 100
    assert {unseal(KEY, PATH, each) for each in sealed} == {ROWS}


def test_a_sealed_file_opens_at_its_own_path_alone() -> None:
    with pytest.raises(DoesNotOpen):
        unseal(KEY, PATH.replace("-01/", "-02/"), seal(KEY, PATH, ROWS))
