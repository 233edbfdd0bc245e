"""The policy file: read, checked against the products that exist, and held to its own cap."""

import hashlib
import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tasks.errors import Misconfigured
from tasks.period import Cadence
from tasks.policy import LevelPolicy, Policy, ReviewedPolicy
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
        content = path.read_bytes()
        data = tomllib.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(
            f"The policy {path} cannot be read: {error}.", "Correct it, or unset THRONG_POLICY.", "policy.unreadable"
        ) from None
    try:
        policy = Policy.model_validate(data)
    except ValidationError as error:
        raise _refused(path, _faults(error)) from None
    if faults := list(_product_faults(policy) or _cap_faults(policy)):
        raise _refused(path, faults)
    return ReviewedPolicy(policy, _digest(data), str(path))


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


def _refused(path: Path, faults: Collection[str]) -> Misconfigured:
    return Misconfigured(
        f"The policy {path} is refused: {'; '.join(faults)}.",
        "Compare with the shipped policy.toml. Over the cap: a larger sigma, a larger cap or fewer products.",
        "policy.refused",
    )


def _faults(error: ValidationError) -> list[str]:
    """Each fault, under the name of its key."""
    words = {"missing": " is missing", "extra_forbidden": " is not known"}
    return [
        (".".join(str(part) for part in fault["loc"] if part != "") or "the policy")
        + words.get(fault["type"], f": {fault['msg'].removeprefix('Value error, ')}")
        for fault in error.errors()
    ]


def _product_faults(policy: Policy) -> list[str]:
    """What the file's products lack or have too much, against the declared ones."""
    declared: dict[str, dict[Cadence, DataProduct]] = defaultdict(dict)
    for part in registry.drawn():
        declared[part.name] |= dict.fromkeys(part.cadences, part)
    needed = [name for name in declared if name not in policy.budget.leave_out]
    faults = _unknown("product", policy.product, declared) + _missing("product", policy.product, needed)
    faults += _left_out_faults(policy)
    for name in declared.keys() & policy.product.keys():
        drawn, cadences = declared[name], policy.product[name]
        faults += _differences(f"product.{name}", cadences, drawn)
        for cadence in drawn.keys() & cadences.keys():
            key = f"product.{name}.{cadence}"
            part = drawn[cadence].by_levels(cadences[cadence])
            faults += _level_faults(key, part, cadences[cadence], HOURS_AT_LEAST[cadence])
    return sorted(faults)


def _level_faults(key: str, product: DataProduct, levels: Mapping[str, LevelPolicy], hours: int) -> Iterator[str]:
    declared = {product.policy_name(level): level for level in product.levels}
    yield from _differences(key, levels, declared)
    for name in declared.keys() & levels.keys():
        of, threshold = f"{key}.{name}".rstrip("."), levels[name].threshold
        if product.for_clients and threshold is None:
            yield f"{of}.threshold is missing"
        if not product.for_clients and threshold is not None:
            yield f"{of}.threshold is not known: every value of {product.name} is shown"
        if (bound := declared[name].keys_of(hours)) and levels[name].bound != bound:
            yield f"{of}.bound: {bound} by definition, one key a person and column of time"


def _left_out_faults(policy: Policy) -> list[str]:
    """Clients' products alone can be left out: the gate and the panel's size rest on the others."""
    names, left_out = registry.for_clients(), policy.budget.leave_out
    unknown = [f"budget.leave_out: {name} is not one of {', '.join(names)}" for name in left_out if name not in names]
    return unknown + [
        f"budget.leave_out: {name} is there twice" for name, times in Counter(left_out).items() if times > 1
    ]


def _differences(key: str, given: Collection[str], declared: Collection[str]) -> list[str]:
    return _unknown(key, given, declared) + _missing(key, given, declared)


def _unknown(key: str, given: Collection[str], declared: Collection[str]) -> list[str]:
    return [f"{key}.{name}".rstrip(".") + " is not known" for name in given if name not in declared]


def _missing(key: str, given: Collection[str], declared: Collection[str]) -> list[str]:
    return [f"{key}.{name}".rstrip(".") + " is missing" for name in declared if name not in given]


def _cap_faults(policy: Policy) -> Iterator[str]:
    by_product, cap = costs(policy), Fraction(policy.budget.cap)
    over = sum(by_product.values(), Fraction(0)) - cap
    if over > 0:
        yield (
            f"the longest month costs rho {float(over + cap):.4f}, {float(over):.4f} over the cap {policy.budget.cap}. "
            + _remedy(by_product, over)
        )


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
        return "No choice of products fits: raise the cap or sigma"
    return f"Add these to budget.leave_out: {', '.join(together)}"
