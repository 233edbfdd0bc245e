"""A client's file is refused with every fault at its line, in words its author can act on."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from tasks.errors import Misconfigured
from tasks.period import Period
from tasks.store.client_file import ClientSpec, check_apart, parse_client
from tests.refusals import refused

PRODUCTS, FORMATS = ("footfall",), ("parquet", "csv")
GOOD = """\
[client]
name = "nordmarkt"                      # also the folder name in the demo
contact = "data@nordmarkt.example"
[destination]
bucket = "nordmarkt-insights"
prefix = "throng"
region = "eu-central-1"
endpoint_url = "http://127.0.0.1:9000"
[[grants]]
product = "footfall"
zones = ["*"]
from = 2026-03-01
formats = ["parquet", "csv"]
deliver_by = "09:00"
"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def refusal(text: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        parse_client(text, "nordmarkt.toml", PRODUCTS, FORMATS)
    return str(caught.value)


def test_the_contracts_example_is_a_client() -> None:
    spec = parse_client(GOOD, "nordmarkt.toml", PRODUCTS, FORMATS)
    assert (spec.name, spec.destination.bucket, spec.grants[0].since) == (
        "nordmarkt",
        "nordmarkt-insights",
        date(2026, 3, 1),
    )


def test_a_client_survives_the_catalog() -> None:
    spec = parse_client(GOOD, "nordmarkt.toml", PRODUCTS, FORMATS)
    assert ClientSpec.stored(spec.model_dump(mode="json", by_alias=True)) == spec


@pytest.mark.parametrize(
    "hostile",
    ["a = " + 100_000 * "[", f"a = {5_000 * '1'}", f"a{3_000 * '.a'} = 1", 1_000_000 * "#" + "\n" + GOOD],
    ids=["deep", "a long number", "deep keys", "large"],
)
def test_a_file_that_no_parser_bears_is_refused(hostile: str) -> None:
    with refused("client.not_toml"):
        parse_client(hostile, "nordmarkt.toml", PRODUCTS, FORMATS)


def test_what_a_file_says_is_no_terminal_sequence() -> None:
    assert refusal('"\\u001b[31mred\\u202e" = 1\n' + GOOD).isprintable()
    for character in ("\\u009b", "\\u202e", "\\u2028"):
        assert "[client] contact" in refusal(changed("data@", f"da{character}ta@"))


def test_a_grant_does_not_begin_in_another_century() -> None:
    assert "[[grants]] from" in refusal(changed("2026-03-01", "1026-03-01"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://127.0.0.1:9000", "https://127.0.0.1:9000"),
        ("https://s3.example.com", "https://S3.example.com:443"),
        ("https://s3.eu-central-1.amazonaws.com", "https://s3.amazonaws.com"),
    ],
)
def test_one_store_under_two_addresses_is_one_store(one: str, other: str) -> None:
    texts = (
        changed("http://127.0.0.1:9000", one),
        changed("http://127.0.0.1:9000", other).replace('"nordmarkt"', '"other"'),
    )
    with refused("client.folder_shared"):
        check_apart(parse_client(text, "x.toml", PRODUCTS, FORMATS) for text in texts)


@pytest.mark.parametrize("prefix", ["throng", "throng/inside"])
def test_two_clients_never_share_a_folder(prefix: str) -> None:
    other = changed('"nordmarkt"', '"other"').replace('prefix = "throng"', f'prefix = "{prefix}"')
    specs = [parse_client(text, "x.toml", PRODUCTS, FORMATS) for text in (GOOD, other)]
    with refused("client.folder_shared"):
        check_apart(specs)
    check_apart(
        [specs[0], parse_client(other.replace("nordmarkt-insights", "another-bucket"), "x.toml", PRODUCTS, FORMATS)]
    )


def test_windows_line_ends_and_a_byte_order_mark_are_no_fault() -> None:
    assert parse_client("\ufeff" + GOOD.replace("\n", "\r\n"), "x.toml", PRODUCTS, FORMATS).name == "nordmarkt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed("bucket =", "buckett ="), "line 5: [destination] buckett is not known; did you mean 'bucket'?"),
        (changed("bucket =", "buckett ="), "line 4: [destination] bucket is missing"),
        (changed("[destination]", "zones = 1\n[destination]"), "line 4: [client] zones is not known; it belongs in"),
        (changed("[client]", "[clients]"), "line 1: [clients] is not known; did you mean 'client'?"),
        (GOOD.split("[[grants]]")[0], "[grants]] is missing"),
        ("grants = []\n" + GOOD.split("[[grants]]")[0], "line 1: [[grants]] must be one table or more"),
        (changed('"footfall"', '"footfal"'), "line 10: [[grants]] product is not one for clients (did you mean"),
        (changed('"footfall"', '"weather"'), "line 10: [[grants]] product is not one for clients (one of: footfall"),
        (changed('from = 2026-03-01', 'from = "2026-03-01"'), "line 12: [[grants]] from must be a date without quotes"),
        (changed("2026-03-01", "2026-03-01\nuntil = 2026-02-01"), "line 9: [[grants]] until is before from"),
        (changed('"09:00"', '"9 am"'), 'line 14: [[grants]] deliver_by must be a local time in quotes, such as'),
        (changed('"09:00"', "09:00:00"), "line 14: [[grants]] deliver_by must be a local time in quotes"),
        (changed('"csv"', '"xlsx"'), "line 13: [[grants]] formats must be"),
        (changed('"csv"', '"parquet"'), "line 13: [[grants]] formats names something twice"),
        (changed('["*"]', '["*", "z1"]'), 'line 11: [[grants]] zones must be ["*"] alone, or ids'),
        (changed('["*"]', "[]"), "line 11: [[grants]] zones must be"),
        (GOOD + "[[grants]]\n" + GOOD.split("[[grants]]\n")[1], "number 2 grants footfall on days that an earlier one"),
        (changed("region", 'external_id = "abc"\nregion'), "external_id is given without role_arn"),
        (changed("[client]", "[client"), "nordmarkt.toml is not TOML"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line_and_the_way_out(text: str, said: str) -> None:
    assert said in refusal(text)


def test_every_fault_is_named_at_once() -> None:
    said = refusal(changed("region =", "regoin =").replace('"09:00"', "9"))
    assert "line 7" in said
    assert "line 14" in said
    assert "nothing was changed" in said


@pytest.mark.parametrize(
    "bucket", ["ab", "a" * 64, "Nordmarkt", "a..b", "a/../b", "-abc", "abc-", "a_b_c", "s3://abc", "abc\n", "abc "]
)
def test_a_hostile_bucket_name_is_refused(bucket: str) -> None:
    assert "[destination] bucket must be" in refusal(changed('"nordmarkt-insights"', repr(bucket)))


@pytest.mark.parametrize(
    "prefix", ["", "/x", "x/", "../x", "x/../y", "x//y", ".", "x/./y", "a b", "x\\\\y", "x?y", "ü"]
)
def test_a_hostile_prefix_is_refused(prefix: str) -> None:
    assert "[destination] prefix must be" in refusal(changed('"throng"', f'"{prefix}"'))


@pytest.mark.parametrize(
    "url",
    ["ftp://host", "127.0.0.1:9000", "http://", "https://me:pass@host", "https://h/x?y=1", "https://h\\u001b[31m"],
)
def test_an_endpoint_is_a_bare_address(url: str) -> None:
    said = refusal(changed("http://127.0.0.1:9000", url))
    assert "[destination] endpoint_url must be an address" in said
    assert "pass" not in said.replace("password", "")


@pytest.mark.parametrize(
    "line",
    [
        'aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"',
        'aws_secret_access_key = "wJalrXUtnFEMI"',
        'session_token = "abc"',
        'password = "hunter2"',
        'profile = "AKIAIOSFODNN7EXAMPLE"',
    ],
)
def test_a_secret_is_refused_unread_and_never_repeated(line: str) -> None:
    said = refusal(changed("region", f"{line}\nregion"))
    assert "holds a secret: line 7: [destination]" in said
    assert "profile" in said
    assert line.split('"')[1] not in said


def test_a_role_with_its_external_id_key_and_owner_is_a_destination() -> None:
    lines = """role_arn = "arn:aws:iam::111122223333:role/throng-delivery"
external_id = "throng-7f3a"
kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-1111-2222-3333-444455556666"
expected_bucket_owner = "111122223333"
region"""
    spec = parse_client(changed("region", lines), "x.toml", PRODUCTS, FORMATS)
    assert spec.destination.external_id == "throng-7f3a"


def test_a_grant_covers_whole_periods_up_to_its_last_day() -> None:
    spec = parse_client(changed("2026-03-01", "2026-03-01\nuntil = 2026-03-15"), "x.toml", PRODUCTS, FORMATS)
    words = ("2026-02-28", "2026-03-01", "2026-03-15", "2026-03-16", "2026-03", "2026-W10", "2026-W11")
    covered = [bool(spec.grant("footfall", Period.parse(word))) for word in words]
    assert covered == [False, True, True, False, False, True, True]
    assert spec.grant("panel", Period.parse("2026-03-01")) is None


def test_grants_may_follow_one_another() -> None:
    later = GOOD.split("[[grants]]\n")[1].replace("2026-03-01", "2026-04-01")
    text = changed("2026-03-01", "2026-03-01\nuntil = 2026-03-31") + "[[grants]]\n" + later
    assert len(parse_client(text, "x.toml", PRODUCTS, FORMATS).grants) == 2


def test_a_delivery_is_late_after_deliver_by_on_the_next_local_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    grant = parse_client(GOOD, "x.toml", PRODUCTS, FORMATS).grants[0]
    assert grant.expected_by(Period.parse("2026-03-28"), berlin) == datetime(2026, 3, 29, 9, tzinfo=berlin)


def _stored(text: str, kept: ClientSpec | None, at: datetime) -> ClientSpec:
    return ClientSpec.stored(parse_client(text, "x.toml", PRODUCTS, FORMATS).document(kept, at))


@pytest.mark.parametrize(("hour", "late_on"), [(8, 10), (9, 11), (15, 11)])
def test_what_was_granted_for_the_past_is_late_from_the_next_deliver_by_on(hour: int, late_on: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    (grant,) = _stored(GOOD, None, datetime(2026, 3, 10, hour, tzinfo=berlin)).grants
    assert grant.expected_by(Period.parse("2026-03-01"), berlin) == datetime(2026, 3, late_on, 9, tzinfo=berlin)
    assert grant.expected_by(Period.parse("2026-03-11"), berlin) == datetime(2026, 3, 12, 9, tzinfo=berlin)


def test_a_grant_that_stays_keeps_its_deadlines_when_the_file_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, later = datetime(2026, 3, 10, 12, tzinfo=berlin), datetime(2026, 3, 20, 12, tzinfo=berlin)
    kept = _stored(changed("2026-03-01", "2026-03-01\nuntil = 2026-03-03"), None, first)
    more = GOOD.split("[[grants]]\n")[1].replace("2026-03-01", "2026-03-04")
    text = changed("2026-03-01", "2026-03-01\nuntil = 2026-03-03").replace("data@", "new@") + "[[grants]]\n" + more
    old, new = _stored(text, kept, later).grants
    assert old.expected_by(Period.parse("2026-03-01"), berlin).date() == date(2026, 3, 11)
    assert new.expected_by(Period.parse("2026-03-04"), berlin).date() == date(2026, 3, 21)


def test_a_client_file_cannot_say_when_it_was_granted() -> None:
    assert "granted_at" in refusal(changed('deliver_by = "09:00"', 'deliver_by = "09:00"\n_granted_at = 2026-03-01'))
