"""What applying a client's file changes is shown field by field."""

from tasks.store.client_diff import Change, changes
from tasks.store.client_file import ClientSpec, parse_client
from tests.factories import client_toml


def spec(*replaced: tuple[str, str]) -> ClientSpec:
    text = client_toml()
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    return parse_client(text, "nordmarkt.toml", ("footfall",), ("parquet", "csv"))


def test_an_unchanged_file_has_no_change() -> None:
    assert changes(spec(), spec()) == []


def test_of_a_new_client_everything_is_added() -> None:
    found = changes(None, spec())
    assert {change.before for change in found} == {None}
    assert [change.field for change in found] == [
        *("contact", "bucket", "prefix", "region"),
        "grant of footfall from 2026-03-01",
    ]


def test_a_setting_is_added_changed_and_removed() -> None:
    region, owner = 'region = "eu-central-1"', 'region = "eu-central-1"\nexpected_bucket_owner = "111122223333"'
    added = Change("expected_bucket_owner", None, "111122223333")
    removed = Change("expected_bucket_owner", "111122223333", None)
    assert changes(spec(), spec((region, owner))) == [added]
    assert changes(spec((region, owner)), spec()) == [removed]
    assert changes(spec(), spec(("eu-central-1", "eu-west-1"))) == [Change("region", "eu-central-1", "eu-west-1")]
    assert (str(added)[0], str(removed)[0]) == ("+", "-")


def test_the_address_of_notices_is_no_part_of_a_change() -> None:
    before, after = (
        spec(("[[grants]]", f'[notice]\nurl = "https://a.example/{key}"\n[[grants]]')) for key in ("k3y", "n3w")
    )
    (change,) = changes(before, after)
    assert change.field == "notice"
    assert not {"k3y", "n3w"} & set(str(change).replace("/", " ").split())


def test_a_grant_with_another_first_day_is_another_grant() -> None:
    removed, added = changes(spec(), spec(("2026-03-01", "2026-04-01")))
    assert (removed.field, removed.after) == ("grant of footfall from 2026-03-01", None)
    assert (added.field, added.before) == ("grant of footfall from 2026-04-01", None)
    assert str(added) == "+ grant of footfall from 2026-04-01: zones *; formats parquet; deliver_by 09:00"


def test_of_a_grant_that_both_have_only_its_changed_field_is_shown() -> None:
    assert changes(spec(), spec(('"09:00"', '"10:00"'))) == [
        Change("grant of footfall from 2026-03-01 deliver_by", "09:00", "10:00")
    ]
