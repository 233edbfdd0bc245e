"""The policy is a reviewed file: every key is needed, none is unknown, and its longest month fits its cap."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from tasks.errors import Misconfigured
from tasks.period import Cadence
from tasks.policy_file import costs, load, longest_month, shipped
from tasks.privacy.accounting import exact_rho
from tasks.products import footfall, registry

ROOT = Path(__file__).parent.parent.parent
SHIPPED = (ROOT / "policy.toml").read_text()


def changed(tmp_path: Path, old: str, new: str) -> Path:
    assert old in SHIPPED
    path = tmp_path / "policy.toml"
    path.write_text(SHIPPED.replace(old, new, 1))
    return path


def test_the_shipped_policy_is_strict_and_leaves_a_reserve_under_its_cap() -> None:
    policy = load().policy
    assert policy.name == "strict"
    assert round(float(longest_month(policy)), 4) == 0.9345
    assert float(policy.budget.cap) == 1.0


def test_the_standard_policy_has_every_sigma_at_0_568_of_strict() -> None:
    strict, standard = load().policy, load(ROOT / "policy.standard.toml").policy
    for product in registry.drawn():
        for cadence in product.cadences:
            sigmas = [
                [float(rule.sigma) for rule in product.rules(policy, cadence, 24)] for policy in (strict, standard)
            ]
            assert sigmas[1] == pytest.approx([sigma * 0.568 for sigma in sigmas[0]])
    assert float(standard.budget.cap) == 3.1


def test_a_short_day_costs_no_less_and_the_long_day_its_25th_hour() -> None:
    costs = [exact_rho(footfall.PRODUCT.rules(load().policy, Cadence.DAY, hours)[0]) for hours in (23, 24, 25)]
    assert costs == [Fraction(24, 2 * 32**2)] * 2 + [Fraction(25, 2 * 32**2)]


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=re.escape("who.minimum_age is missing")):
        load(changed(tmp_path, "minimum_age = 18 ", "# gone "))


def test_a_key_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=re.escape("who.minimal_age is not known")):
        load(changed(tmp_path, "minimum_age = 18", "minimum_age = 18\nminimal_age = 3"))


LEVEL = "sigma = 48\nbound = 8\nthreshold = 144\n"
PANEL = "\n".join(re.findall(r"\[product.panel.month\].*", SHIPPED)) + "\n"
ZONE_HOUR = "product.footfall.day.zone_hour"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[retention]", f"[product.queues.day.zone]\n{LEVEL}[retention]", "product.queues is not known"),
        ("[retention]", f"[product.footfall.week.zone_hour]\n{LEVEL}[retention]", "product.footfall.week is not known"),
        ("[retention]", f"[product.footfall.day.zone]\n{LEVEL}[retention]", "product.footfall.day.zone is not known"),
        (f"{PANEL}sigma = 10\nbound = 1\n", "", "product.panel is missing"),
        ("[product.panel.month]", "[product.panel.week]", "product.panel.month is missing"),
        (
            "[product.footfall.day.zone_hour]",
            "[product.footfall.day.zones]",
            "product.footfall.day.zone_hour is missing",
        ),
        ("threshold = 96\n", "", f"{ZONE_HOUR}.threshold is missing"),
        ("bound = 1\n", "bound = 1\nthreshold = 30\n", "product.panel.month.threshold is not known"),
        ("bound = 1\n", "bound = 1\nlimit = 30\n", "product.panel.month.limit is not known"),
        ("sigma = 10\n", "", "product.panel.month.sigma is missing"),
        ("[product.panel.month]", "[product.panel.month.persons]", "product.panel.month.persons is not known"),
    ],
)
def test_products_cadences_and_levels_are_held_against_the_declared_ones(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(Misconfigured, match=re.escape(said)) as refused:
        load(changed(tmp_path, old, new))
    assert refused.value.code == "policy.refused"


def test_a_policy_names_a_product_once_it_is_registered(tmp_path: Path) -> None:
    weekly = frozenset({Cadence.WEEK})
    queues = replace(footfall.PRODUCT, name="queues", levels=footfall.PRODUCT.levels[:1], cadences=weekly, reads=())
    path = changed(tmp_path, "[retention]", "[product.queues.week]\nsigma=120\nbound=168\nthreshold=360\n[retention]")
    with registry.registered(queues):
        policy = load(path).policy
        assert [rule.bound for rule in queues.rules(policy, Cadence.WEEK, 169)] == [169]
        longest = longest_month(policy)
    assert longest - longest_month(load().policy) == Fraction(4 * 168 + 2 * 168 + 2 * 169, 2 * 120**2)


def test_a_policy_over_its_own_cap_refuses_to_start_at_the_exact_boundary(tmp_path: Path) -> None:
    month = longest_month(load().policy)
    above = f"{float(month) + 1e-9:.12f}"
    below = f"{float(month) - 1e-9:.12f}"
    assert load(changed(tmp_path, "cap = 1.0 ", f"cap = {above} "))
    with pytest.raises(Misconfigured, match="over the cap"):
        load(changed(tmp_path, "cap = 1.0 ", f"cap = {below} "))


def _remedy(path: Path) -> list[str]:
    """What the refusal of a cap says to leave out."""
    with pytest.raises(Misconfigured) as refused:
        load(path)
    assert refused.value.code == "policy.refused"
    return [name for name in registry.for_clients() if re.search(rf"leave_out: .*\b{name}\b", str(refused.value))]


def test_a_cap_that_is_too_small_says_which_products_would_have_to_go(tmp_path: Path) -> None:
    by_product, month = costs(load().policy), longest_month(load().policy)
    sellable = {name: by_product[name] for name in registry.for_clients()}
    dearest = max(sellable, key=sellable.__getitem__)
    just_below = float(month - sellable[dearest] + Fraction(1, 10**6))
    assert _remedy(changed(tmp_path, "cap = 1.0 ", f"cap = {just_below:.9f} ")) == [dearest]
    several = float(month - sellable[dearest] - Fraction(1, 10**6))
    named = _remedy(changed(tmp_path, "cap = 1.0 ", f"cap = {several:.9f} "))
    assert sum(sellable[name] for name in named) >= month - Fraction(several)
    without = changed(tmp_path, "leave_out = []", f"leave_out = {json.dumps(named)}")
    without.write_text(without.read_text().replace("cap = 1.0 ", f"cap = {several:.9f} "))
    assert load(without), "as told"
    assert _remedy(changed(tmp_path, "cap = 1.0 ", "cap = 0.001 ")) == [], "the gate and the panel cost more"


def test_a_product_that_is_left_out_costs_nothing_and_needs_no_section(tmp_path: Path) -> None:
    path = changed(tmp_path, "leave_out = []", 'leave_out = ["visitors"]')
    kept = load(path).policy
    assert longest_month(kept) == longest_month(load().policy) - costs(load().policy)["visitors"]
    path.write_text(re.sub(r"\[product\.visitors\.[^\[]*", "", path.read_text()))
    assert longest_month(load(path).policy) == longest_month(kept)


@pytest.mark.parametrize("name", ["panel", "gate_profile", "vistors"])
def test_what_is_needed_or_unknown_cannot_be_left_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(Misconfigured, match=f"budget.leave_out: {name}"):
        load(changed(tmp_path, "leave_out = []", f'leave_out = ["{name}"]'))


def test_a_product_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    section = f"[{ZONE_HOUR}]\n"
    with pytest.raises(Misconfigured, match=re.escape(f"[{ZONE_HOUR}] is there twice")) as refused:
        load(changed(tmp_path, "[retention]", f"{section}sigma = 1\n[retention]"))
    assert (refused.value.code, refused.value.action) == ("policy.refused", f"Remove one [{ZONE_HOUR}].")


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ("minimum_age = 18 ", "# gone ", "Add `minimum_age = 18`, as shipped, to [who]."),
        ('name = "strict"', "", 'Add `name = "strict"`, as shipped, to the top of the file.'),
        ("minimum_age = 18", "minimal_age = 18", "who.minimal_age: Rename it to minimum_age, or remove it."),
        ("minimum_age = 18", "minimum_age = 180", "Correct who.minimum_age. The shipped policy has 18."),
        ("[home]", "[homes]", "homes: Rename it to home, or remove it."),
        ("[home]", "[homes]", "Add, as shipped: [home] min_night_minutes = "),
        ("[walk]", "qqq = 1\n[walk]", "silence.qqq: Remove it. Known here: max_gap_day_minutes, "),
        (f"[{ZONE_HOUR}]", f"[{ZONE_HOUR}s]", f"{ZONE_HOUR}s: Rename it to zone_hour, or remove it."),
        (f"[{ZONE_HOUR}]", "[product.footfal.day.zone_hour]", "product.footfal: Rename it to footfall, or remove it."),
        (f"{PANEL}sigma = 10\nbound = 1\n", "", "Add, as shipped: [product.panel.month] sigma = 10, bound = 1."),
        ("[product.loyalty.month]", "[product.loyaltys.month]", "Or name loyalty in budget.leave_out."),
        ("bound = 1\n", "bound = 1\nlimit = 3\n", "product.panel.month.limit: Remove it. Known here: bound, sigma,"),
        ("bound = 24  ", "bound = 12  ", f"Write bound = 24 in [{ZONE_HOUR}]."),
        ("leave_out = []", 'leave_out = ["visitor"]', "budget.leave_out.visitor: Rename it to visitors, or remove it."),
        (
            f"[{ZONE_HOUR}]",
            "[product.footfall.day.zone_slot]",
            "Add the section [product.footfall.day.district_slot_demographic] with sigma, bound and threshold.",
        ),
        ("[retention]", "[publisher]\na = 1\n[retention]", "publisher.a: Remove it. Known here: data_protection,"),
        ("leave_out = []", 'leave_out = ["dwell", "dwell"]', "Name dwell once in budget.leave_out."),
        (
            "cap = 1.0 ",
            "cap = 0.001 ",
            "No choice of products to leave out suffices. Else choose a larger sigma or a larger cap.",
        ),
    ],
)
def test_each_fault_says_what_to_do_about_it(tmp_path: Path, old: str, new: str, advice: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        load(changed(tmp_path, old, new))
    assert advice in refused.value.action


@pytest.mark.parametrize(
    ("section", "advice"),
    [
        ("product.queues.day.zone", "product.queues: Remove it. Known here: catchment, "),
        ("product.footfall.month.zone", "product.footfall.month: Remove it. Known here: day."),
    ],
)
def test_a_section_that_must_go_needs_no_further_key(tmp_path: Path, section: str, advice: str) -> None:
    path = changed(tmp_path, "[retention]", f"[{section}]\nbound = 24\n[retention]")
    path.write_text(path.read_text().replace("minimum_age = 18", "minimum_age = 180"))
    with pytest.raises(Misconfigured) as refused:
        load(path)
    assert refused.value.action == f"{advice}{refused.value.action.removeprefix(advice)}"
    assert "sigma" not in refused.value.action
    assert "Correct who.minimum_age." in refused.value.action, "other faults are named beside it"


def test_products_that_are_no_sections_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(re.sub(r"\[product\.[^\[]*", "", SHIPPED).replace("[time]", "product = 3\n[time]", 1))
    with pytest.raises(Misconfigured, match="product: Input should be a valid dictionary"):
        load(path)


def test_a_cap_of_exactly_the_longest_month_starts(tmp_path: Path) -> None:
    text = re.sub(r"sigma = (\d+)", lambda found: f"sigma = {1 << int(found[1]).bit_length() - 1}", SHIPPED)
    path = tmp_path / "policy.toml"
    path.write_text(text.replace("cap = 1.0 ", "cap = 2.0 "))
    month = longest_month(load(path).policy)
    exact = Decimal(month.numerator) / Decimal(month.denominator)
    assert Fraction(exact) == month
    path.write_text(text.replace("cap = 1.0 ", f"cap = {exact} "))
    assert load(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("threshold = 96", "threshold = 95", "below max(20, 3 sigma)"),
        ("bound = 24                          #", "bound = 12 #", "24 by definition"),
        ("[product.footfall.day.zone_hour]", "[product.footfall.day.zone_slot]", "zone_slot.bound: 8 by definition"),
        (
            "[product.footfall.day.zone_hour]",
            "[product.footfall.day.zone_slot]",
            "district_slot_demographic is missing",
        ),
        ('timezone = "Europe/Berlin"', 'timezone = "Europe/Bonn"', "not an IANA timezone"),
        ('segments = ["consumer"]', 'segments = ["iot"]', "who.segments"),
        ("sigma = 32", "sigma = -1", "product.footfall.day.zone_hour.sigma"),
        ("[time]", "[time", "cannot be read"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(said)):
        load(changed(tmp_path, old, new))


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    marked = tmp_path / "marked.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + shipped().read_bytes())
    assert load(marked).policy == load().policy


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="THRONG_POLICY"):
        load(tmp_path / "none.toml")


PUBLISHER = '[publisher]\nname = "Example Mobile Ltd"\nurl = "https://operator.example/data"\n\n[retention]'


@pytest.mark.parametrize(
    ("old", "new"),
    [("close_after = 6 ", "close_after = 7 "), ("threshold = 96", "threshold = 97"), ('"consumer"]', '"consumer" ]')],
)
def test_the_digest_is_that_of_the_values_that_were_reviewed(tmp_path: Path, old: str, new: str) -> None:
    layout_alone = "".join(old.split()) == "".join(new.split())
    assert (load(changed(tmp_path, old, new)).digest == load().digest) is layout_alone


def test_anybody_can_compute_the_digest_as_the_page_on_the_policy_says() -> None:
    page = (ROOT / "docs" / "how-to" / "change-the-policy.md").read_text()
    program = re.search(r"python -c '(.*?)' policy.toml", page, re.DOTALL)
    assert program
    ran = subprocess.run([sys.executable, "-c", program[1], ROOT / "policy.toml"], capture_output=True, text=True)
    assert ran.stdout.strip() == load().digest


def test_the_publisher_is_read_and_no_part_of_the_digest(tmp_path: Path) -> None:
    stated = load(changed(tmp_path, "[retention]", PUBLISHER))
    assert stated.policy.publisher.name == "Example Mobile Ltd"
    assert stated.policy.publisher.recall is None
    assert stated.digest == load().digest


@pytest.mark.parametrize("name", ["policy.toml", "policy.standard.toml"])
def test_the_example_of_a_publisher_states_everything(tmp_path: Path, name: str) -> None:
    policy = (ROOT / name).read_text()
    without, _, example = policy.partition("# [publisher]")
    path = tmp_path / name
    path.write_text(without + "[publisher]" + example.replace("\n# ", "\n"))
    assert None not in load(path).policy.publisher.model_dump().values()


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("name", ""),
        ("name", " padded "),
        ("name", "two\\nlines"),
        ("name", "\\u202Eedisrever"),
        ("name", "\\u2028"),
        ("name", "<script>"),
        ("sla", "x" * 501),
        ("url", "http://operator.example"),
        ("url", "javascript:alert(1)"),
        ("url", "https://operator.example/) [x](y"),
        ("slogan", "Best data"),
    ],
)
def test_a_statement_of_the_publisher_is_one_printable_line(tmp_path: Path, key: str, text: str) -> None:
    with pytest.raises(Misconfigured, match=f"publisher.{key}"):
        load(changed(tmp_path, "[retention]", f'[publisher]\n{key} = "{text}"\n[retention]'))


def test_a_product_cannot_be_left_out_twice(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="leave_out: dwell"):
        load(changed(tmp_path, "leave_out = []", 'leave_out = ["dwell", "dwell"]'))
