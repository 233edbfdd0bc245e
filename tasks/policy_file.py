"""The policy file: read, checked against the products that exist, and held to its own cap."""

import hashlib
import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tasks.errors import Misconfigured
from tasks.period import Cadence
from tasks.policy import LevelPolicy, Policy, ReviewedPolicy
from tasks.policy_faults import Fault, missing, of_values, twice, unknown
from tasks.privacy.accounting import exact_rho
from tasks.products import registry
from tasks.products.spec import DataProduct

LONGEST_MONTH: Mapping[Cadence, tuple[tuple[int, int], ...]] = {
    Cadence.DAY: ((24, 1),) * 30 + ((25, 1),),
    Cadence.WEEK: ((168, 1),) * 4 + ((168, 2), (169, 2)),
    Cadence.MONTH: ((745, 1),),
}
"""Hours and months of each period in the costliest month: 31 days, one of 25 h; of six ISO weeks two cross a border."""
HOURS_AT_LEAST = {Cadence.DAY: 24, Cadence.WEEK: 168, Cadence.MONTH: 672}
"""The bound of a level with one key an hour; longer periods have their own hours instead."""


def shipped() -> Path:
    """The shipped policy: inside the installed package, or beside pyproject.toml in a checkout."""
    inside = Path(str(files("tasks"))) / "policy.toml"
    return inside if inside.exists() else inside.parent.parent / "policy.toml"


def load(path: Path | None = None) -> ReviewedPolicy:
    """Read and check a policy; raises Misconfigured naming each unknown, missing or impossible key."""
    path = path or shipped()
    try:
        data = _read(path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        if fault := twice(error):
            raise _refused(path, [fault]) from None
        raise Misconfigured(
            f"The policy {path} cannot be read: {error}.", "Correct it, or unset THRONG_POLICY.", "policy.unreadable"
        ) from None
    try:
        policy = Policy.model_validate(data)
    except ValidationError as error:
        undeclared = dict(_undeclared("product", data.get("product"), _declared()))
        raise _refused(path, [*undeclared.values(), *of_values(error, _read(shipped()), undeclared)]) from None
    if faults := list(_product_faults(policy) or _cap_faults(policy)):
        raise _refused(path, faults)
    return ReviewedPolicy(policy, _digest(data), str(path))


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Decimal)


def _digest(data: Mapping[str, Any]) -> str:
    promise = {name: section for name, section in data.items() if name not in ("publisher", "estimate")}
    text = json.dumps(promise, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def longest_month(policy: Policy) -> Fraction:
    """rho of the costliest month, each scheduled release once; a week over two months costs each of them twice."""
    return sum(costs(policy).values(), Fraction(0))


def costs(policy: Policy) -> dict[str, Fraction]:
    """rho of the costliest month by product."""
    found: dict[str, Fraction] = defaultdict(Fraction)
    for product in registry.drawn(policy.budget.leave_out):
        for cadence in product.cadences:
            for (hours, months), periods in Counter(LONGEST_MONTH[cadence]).items():
                for rule in product.rules(policy, cadence, hours):
                    found[product.name] += periods * exact_rho(rule, months)
    return found


def _refused(path: Path, faults: Collection[Fault]) -> Misconfigured:
    advice = " ".join(fault.advice for fault in faults)
    return Misconfigured(
        f"The policy {path} is refused: {'; '.join(fault.what for fault in faults)}.", advice, "policy.refused"
    )


def _declared() -> dict[str, dict[Cadence, DataProduct]]:
    """The part of each product and cadence that is drawn."""
    declared: dict[str, dict[Cadence, DataProduct]] = defaultdict(dict)
    for part in registry.drawn():
        declared[part.name] |= dict.fromkeys(part.cadences, part)
    return declared


def _undeclared(key: str, given: object, declared: Mapping[str, Any]) -> Iterator[tuple[str, Fault]]:
    """Sections of products and cadences that no product declares."""
    for name, held in given.items() if isinstance(given, Mapping) else ():
        if name not in declared:
            yield f"{key}.{name}", unknown(key, name, declared)
        elif isinstance(declared[name], Mapping):
            yield from _undeclared(f"{key}.{name}", held, declared[name])


def _product_faults(policy: Policy) -> list[Fault]:
    """What the file's products lack or have too much, against the declared ones."""
    declared = _declared()
    needed = [name for name in declared if name not in policy.budget.leave_out]
    faults = [_or_left_out(each) for each in _differences("product", policy.product, declared, needed)]
    faults += _left_out_faults(policy)
    for name in declared.keys() & policy.product.keys():
        drawn, cadences = declared[name], policy.product[name]
        faults += _differences(f"product.{name}", cadences, drawn, drawn)
        for cadence in drawn.keys() & cadences.keys():
            key = f"product.{name}.{cadence}"
            part = drawn[cadence].by_levels(cadences[cadence])
            faults += _level_faults(key, part, cadences[cadence], HOURS_AT_LEAST[cadence])
    return sorted(faults)


def _or_left_out(fault: Fault) -> Fault:
    """A missing product that clients buy may also be left out."""
    name = fault.what.removeprefix("product.").removesuffix(" is missing")
    other = f" Or name {name} in budget.leave_out." if name in registry.for_clients() else ""
    return Fault(fault.what, fault.advice + other)


def _level_faults(key: str, product: DataProduct, levels: Mapping[str, LevelPolicy], hours: int) -> Iterator[Fault]:
    declared = {product.policy_name(level): level for level in product.levels}
    keys = ("sigma", "bound", "threshold") if product.for_clients else ("sigma", "bound")
    yield from _differences(key, levels, declared, declared, keys)
    for name in declared.keys() & levels.keys():
        of, threshold = f"{key}.{name}".rstrip("."), levels[name].threshold
        if product.for_clients and threshold is None:
            yield missing(of, "threshold", _read(shipped()))
        if not product.for_clients and threshold is not None:
            yield unknown(of, "threshold", (), f": every value of {product.name} is shown")
        if (bound := declared[name].keys_of(hours)) and levels[name].bound != bound:
            why = f"{of}.bound: {bound} by definition, one key a person and column of time"
            yield Fault(why, f"Write bound = {bound} in [{of}].")


def _left_out_faults(policy: Policy) -> Iterator[Fault]:
    """Clients' products alone can be left out: the gate and the panel's size rest on the others."""
    names, left_out = registry.for_clients(), policy.budget.leave_out
    for name, times in Counter(left_out).items():
        if name not in names:
            what = f"budget.leave_out: {name} is not one of {', '.join(names)}"
            yield Fault(what, unknown("budget.leave_out", name, names).advice)
        elif times > 1:
            yield Fault(f"budget.leave_out: {name} is there twice", f"Name {name} once in budget.leave_out.")


def _differences(
    key: str, given: Collection[str], declared: Collection[str], needed: Collection[str], keys: Sequence[str] = ()
) -> Iterator[Fault]:
    for name in given:
        if name not in declared:
            yield unknown(key, name, [each for each in declared if each])
    for name in needed:
        if name not in given:
            yield missing(key, name, _read(shipped()), keys)


def _cap_faults(policy: Policy) -> Iterator[Fault]:
    by_product, cap = costs(policy), Fraction(policy.budget.cap)
    over = sum(by_product.values(), Fraction(0)) - cap
    if over > 0:
        what = (
            f"the longest month costs rho {float(over + cap):.4f}, {float(over):.4f} over the cap {policy.budget.cap}"
        )
        yield Fault(what, f"{_remedy(by_product, over)}. Else choose a larger sigma or a larger cap.")


def _remedy(by_product: Mapping[str, Fraction], over: Fraction) -> str:
    """Which products to leave out: each that suffices alone, the cheapest first; or else the dearest ones together."""
    spare = sorted((cost, name) for name, cost in by_product.items() if name in registry.for_clients())
    if enough := [f"{name} (rho {float(cost):.4f})" for cost, name in spare if cost >= over]:
        return f"Add one of these to budget.leave_out: {', '.join(enough)}"
    together, freed = [], Fraction(0)
    for cost, name in reversed(spare):
        if freed < over:
            together.append(name)
            freed += cost
    if freed < over:
        return "No choice of products to leave out suffices"
    return f"Add these to budget.leave_out: {', '.join(together)}"
