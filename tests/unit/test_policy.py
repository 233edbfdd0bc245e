"""The policy is a reviewed file: every key is needed, none is unknown, and its longest month fits its cap."""

import re
from fractions import Fraction
from pathlib import Path

import pytest

from tasks import policy
from tasks.errors import Misconfigured

ROOT = Path(__file__).parent.parent.parent
SHIPPED = (ROOT / "policy.toml").read_text()


def changed(tmp_path: Path, old: str, new: str) -> Path:
    assert old in SHIPPED
    path = tmp_path / "policy.toml"
    path.write_text(SHIPPED.replace(old, new, 1))
    return path


def test_the_shipped_policy_is_strict_and_costs_less_than_half_its_cap() -> None:
    shipped = policy.load().policy
    assert shipped.name == "strict"
    assert round(float(shipped.longest_month()), 4) == 0.4628
    assert float(shipped.budget.cap) == 1.0


def test_the_standard_policy_has_every_sigma_at_0_568_of_strict() -> None:
    strict, standard = policy.load().policy, policy.load(ROOT / "policy.standard.toml").policy
    for product, cadence in (("footfall", "day"), ("panel", "month"), ("gate_profile", "day")):
        pairs = zip(strict.product.levels(product, cadence), standard.product.levels(product, cadence), strict=True)
        assert [float(loose.sigma) for _, loose in pairs] == pytest.approx(
            [float(level.sigma) * 0.568 for level in strict.product.levels(product, cadence)]
        )
    assert float(standard.budget.cap) == 3.1


def test_rho_is_derived_exactly_and_the_long_day_costs_its_25th_hour() -> None:
    level = policy.load().policy.product.footfall.day.zone_hour
    assert level.rho(24) == Fraction(24, 2 * 32**2)
    assert level.rho(25) == Fraction(25, 2 * 32**2)
    assert level.rho(23) == level.rho(24)


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=re.escape("who.minimum_age is missing")):
        policy.load(changed(tmp_path, "minimum_age = 18 ", "# gone "))


def test_a_key_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=re.escape("who.minimal_age is not known")):
        policy.load(changed(tmp_path, "minimum_age = 18", "minimum_age = 18\nminimal_age = 3"))


def test_a_product_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=re.escape("product.dwell is not known")):
        policy.load(
            changed(
                tmp_path, "[retention]", "[product.dwell.day.zone]\nsigma = 48\nbound = 8\nthreshold = 144\n[retention]"
            )
        )


def test_a_policy_over_its_own_cap_refuses_to_start_at_the_exact_boundary(tmp_path: Path) -> None:
    month = policy.load().policy.longest_month()
    above = f"{float(month) + 1e-9:.12f}"
    below = f"{float(month) - 1e-9:.12f}"
    assert policy.load(changed(tmp_path, "cap = 1.0 ", f"cap = {above} "))
    with pytest.raises(Misconfigured, match="over the cap"):
        policy.load(changed(tmp_path, "cap = 1.0 ", f"cap = {below} "))


def test_a_cap_of_exactly_the_longest_month_starts(tmp_path: Path) -> None:
    text = SHIPPED.replace("sigma = 9051", "sigma = 8192").replace("sigma = 10\n", "sigma = 8\n")
    month = policy.Policy.model_validate(policy.tomllib.loads(text, parse_float=policy.Decimal)).longest_month()
    exact = policy.Decimal(month.numerator) / policy.Decimal(month.denominator)
    assert Fraction(exact) == month
    path = tmp_path / "policy.toml"
    path.write_text(text.replace("cap = 1.0 ", f"cap = {exact} "))
    assert policy.load(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("threshold = 96", "threshold = 95", "below max(20, 3 sigma)"),
        ("bound = 24                          #", "bound = 12 #", "24 by definition"),
        ('timezone = "Europe/Berlin"', 'timezone = "Europe/Bonn"', "not an IANA timezone"),
        ('segments = ["consumer"]', 'segments = ["iot"]', "who.segments"),
        ("sigma = 32", "sigma = -1", "product.footfall.day.zone_hour.sigma"),
        ("[time]", "[time", "cannot be read"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(said)):
        policy.load(changed(tmp_path, old, new))


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    marked = tmp_path / "marked.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + policy.shipped().read_bytes())
    assert policy.load(marked).policy == policy.load().policy


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="THRONG_POLICY"):
        policy.load(tmp_path / "none.toml")


def test_the_digest_is_that_of_the_reviewed_bytes(tmp_path: Path) -> None:
    assert policy.load().digest != policy.load(changed(tmp_path, "close_after = 6 ", "close_after = 7 ")).digest
