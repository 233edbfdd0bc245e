"""The batch gate: accept or stop a day's landing, by exact file facts and the noisy profile.

If noise hides the answer to a rule on row quality, the gate uses exact totals over all rows of the files, of panel
members or not. Whether a day is accepted is one documented bit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

import pyarrow as pa

from tasks.errors import Misconfigured, RejectedInput
from tasks.events import gate_messages
from tasks.events.file_facts import FileFacts
from tasks.events.gate_metrics import SURE, GateMetric, of_day
from tasks.events.plan_rules import PlanMeasure
from tasks.events.profile import NoisyValue, Profile
from tasks.events.register_values import RegisterFacts
from tasks.policy import Gate, GateRules, Rule
from tasks.validation import Expectation, ValidationStatus, Validator, validate

REGISTER_SHRUNK, REGISTER_WENT_BACK = "register_shrunk", "register_went_back"
"""Rules on the registers' versions, judged before a day is read; they are overridden as the gate's own are."""
REGISTER_VALUES = "register_values"


class GateStatus(StrEnum):
    """How a rule ended; NOT_JUDGED: too few rows or earlier days to tell; ERROR: the check itself broke."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_JUDGED = "not_judged"
    ERROR = "error"
    OVERRIDDEN = "overridden"


FAULTS = (GateStatus.FAILED, GateStatus.ERROR)
"""Nobody has said that a day is right in spite of it."""


@dataclass(frozen=True)
class GateResult:
    """How one rule judged a day, for the catalog and for people; `value` is None where nothing could be measured."""

    rule: str
    severity: str
    status: GateStatus
    value: float | None
    limit: float
    message: str
    action: str
    exact: bool = False
    """Whether it rests on exact counts of rows, so that it must not leave the operator."""

    @property
    def stops(self) -> bool:
        """Whether the day must not be used because of this rule."""
        return self.severity == "critical" and self.status in FAULTS


def judge_day(
    facts: FileFacts,
    profile: Profile,
    history: Sequence[NoisyValue],
    gate: Gate,
    overrides: Collection[str] = (),
    validator: Validator = validate,
) -> list[GateResult]:
    """Judge a day by every rule; `history` holds the `kept` of earlier days' profiles, oldest first."""
    rules = _rules(gate)
    check_rules(overrides)
    measures = of_day(facts, profile, history[-gate.gate_days :], rules)
    excesses = {name: measure.excess for name, measure in measures.items() if measure} | _excesses(facts.plans)
    statuses = _statuses(excesses, validator)
    return [
        _result(name, rules, measure, statuses.get(name, GateStatus.NOT_JUDGED), overrides, facts.why.get(name, ""))
        for name, measure in measures.items()
    ] + _plan_results(facts.plans, statuses)


def judge_plans(measures: Sequence[PlanMeasure], validator: Validator = validate) -> list[GateResult]:
    """Judge cells and zones alone, where no day can be read with them."""
    return _plan_results(measures, _statuses(_excesses(measures), validator))


def refuse(results: Sequence[GateResult]) -> None:
    """Raise RejectedInput with every rule that stops the day; return if none does."""
    if stopping := [result for result in results if result.stops]:
        raise RejectedInput(
            "The gate stops this day. " + " ".join(f"{result.rule}: {result.message}" for result in stopping),
            " ".join(dict.fromkeys(result.action for result in stopping)),
            "gate.stopped",
        )


def refuse_register_values(facts: RegisterFacts, rule: Rule) -> None:
    """Raise RejectedInput if a column of the registers passes the limit; for callers that judge no day."""
    if facts.share > rule.limit:
        detail = gate_messages.columns(facts.worst(rule.limit))
        raise RejectedInput(
            f"In the worst column of the registers {facts.share:.2%} of the values are not understood, or none can be "
            f"counted; the limit is {rule.limit:.2%}.{detail}",
            "Correct the register, or map its words and dates in formats.toml. Or accept it as it is: "
            "`throng ingest DAY --override register_values --reason TEXT`.",
            "gate.register_values",
        )


def _rules(gate: Gate) -> GateRules:
    """The policy's rules; under `reject_day` one unreadable file stops the day."""
    if gate.unreadable_file == "reject_file":
        return gate.rules
    return gate.rules.model_copy(update={"rejected_files": Rule(limit=0, severity="critical")})


def check_rules(names: Collection[str]) -> None:
    """Raise Misconfigured for a name that no rule has, with the nearest one."""
    known = [*GateRules.model_fields, REGISTER_SHRUNK, REGISTER_WENT_BACK]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise Misconfigured(
                f"The gate has no rule '{name[:40]}'.",
                f"Did you mean '{near[0]}'?" if near else f"Rules: {', '.join(known)}.",
                "gate.unknown_rule",
            )


def _statuses(excesses: Mapping[str, NoisyValue], validator: Validator) -> dict[str, GateStatus]:
    """The validator judges each rule: is its excess surely above zero, and under noise, is it possibly?"""
    frame, checks = {}, []
    for name, excess in excesses.items():
        for word, sign in (("surely", -1), ("possibly", 1))[: 2 if excess.se else 1]:
            column = f"{name} {word}"
            frame[column] = [excess.value + sign * SURE * excess.se]
            checks.append(Expectation(column, "ExpectColumnValuesToBeBetween", {"column": column, "max_value": 0}))
    verdicts = {verdict.check: verdict.status for verdict in validator(pa.table(frame), checks)}
    surely = {name: verdicts[f"{name} surely"] for name in excesses}
    return {name: _status(verdicts.get(f"{name} possibly", status), status) for name, status in surely.items()}


def _status(possibly: ValidationStatus, surely: ValidationStatus) -> GateStatus:
    if ValidationStatus.ERROR in (possibly, surely):
        return GateStatus.ERROR
    if surely is ValidationStatus.FAILED:
        return GateStatus.FAILED
    return GateStatus.PASSED if possibly is ValidationStatus.PASSED else GateStatus.NOT_JUDGED


def _excesses(measures: Sequence[PlanMeasure]) -> dict[str, NoisyValue]:
    return {measure.rule.code: NoisyValue(measure.count - measure.limit, 0.0) for measure in measures}


def _plan_results(measures: Sequence[PlanMeasure], statuses: Mapping[str, GateStatus]) -> list[GateResult]:
    return [
        GateResult(
            measure.rule.code,
            measure.rule.severity,
            status := statuses[measure.rule.code],
            measure.count,
            measure.limit,
            measure.message,
            measure.rule.action if status in FAULTS else "",
            exact=True,
        )
        for measure in measures
    ]


def _result(
    name: str, rules: GateRules, measure: GateMetric | None, status: GateStatus, overrides: Collection[str], why: str
) -> GateResult:
    """`why` is said with exact counts; a message that may leave the operator rests on the noisy profile alone.

    Each column of a register (`subscribers.gender`) has a result of its own, under the rule on all of them.
    """
    of = REGISTER_VALUES if "." in name else name
    rule: Rule = getattr(rules, of)
    bad = status in FAULTS
    value, detail, exact = (measure.value, measure.detail, measure.exact) if measure else (None, "", False)
    message = gate_messages.message(of, value, rule.limit, detail, status, exact)
    action = gate_messages.action(of, rule.severity) if bad else ""
    if bad and why:
        message, action = (f"{message} {why}", action) if exact else (message, f"{why} {action}")
    shown = GateStatus.OVERRIDDEN if bad and of in overrides else status
    return GateResult(name, rule.severity, shown, value, rule.limit, message, action, exact)
