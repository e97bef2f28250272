"""SARIF 2.1.0, the format of static analysers.

What a run of an analyser found is the result of a test: an error fails it, a warning warns (SARIF 3.27.9 and 3.27.10
say what counts as which). A run without findings has passed only if it says that it looked: its `results` are there,
and nothing says that the analyser did not get through. Findings that somebody has suppressed do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from custody.encoding.fields import Fields, as_list, as_object, as_text, describe
from custody.errors import FormatError
from custody.sources.reports.report import Outcome, TestReport, worst
from custody.sources.reports.scanning import counted, findings, optional_text
from custody.value import Value

__all__ = ["Analysis", "analysed_tests", "read_sarif"]

_T = TypeVar("_T")

_LEVELS = {"none": None, "note": None, "warning": Outcome.WARNED, "error": Outcome.FAILED}
_KINDS = {
    "fail": None,
    "pass": Outcome.PASSED,
    "open": Outcome.WARNED,  # nobody knows yet
    "review": Outcome.WARNED,
    "notApplicable": Outcome.SKIPPED,
    "informational": Outcome.SKIPPED,
}
_MOST_PARTS = 8
"""How many parts of a rule's name are looked at."""


class Analysis(Value):
    """What one run of an analyser found; `rules` are the outcomes of those that it tells of."""

    tool: str
    outcome: Outcome
    version: str = ""
    rules: Mapping[str, Outcome] = {}
    errors: int = 0
    warnings: int = 0
    notes: int = 0
    suppressed: int = 0


def read_sarif(document: Mapping[str, Any]) -> tuple[Analysis, ...]:
    """Return what each run found.

    Raises:
        FormatError: it is no SARIF 2.1.0, there is no run in it, or the results of one are missing.

    """
    fields = Fields(document)
    fields.constant("version", "2.1.0")
    runs = fields.list("runs")
    if not runs:
        raise FormatError("expected at least one run, got none", where="runs", remedy="nothing is no success")
    return tuple(_Run(Fields(value, f"runs[{index}]")).analysis() for index, value in enumerate(runs))


def analysed_tests(analyses: tuple[Analysis, ...]) -> TestReport:
    """Return `analyses` as tests: each run by the name of its tool, and each rule that it tells of by tool and rule."""
    outcomes: dict[str, Outcome] = {}
    for each in analyses:
        for name, outcome in ((each.tool, each.outcome), *((f"{each.tool}/{k}", v) for k, v in each.rules.items())):
            outcomes[name] = max(outcome, outcomes.get(name, outcome))
    suppressed = sum(each.suppressed for each in analyses)
    remarks = (f"suppressed, and not counted: {counted(suppressed, 'finding')}",) if suppressed else ()
    return TestReport(outcomes=outcomes, remarks=remarks)


class _Run:
    """One run while it is read."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._driver = Fields(Fields(fields.any("tool"), fields.path("tool")).any("driver"), fields.path("tool.driver"))
        self._rules = list(_rules_of(self._driver))
        self._extensions = [list(_rules_of(each)) for each in self._read_extensions()]
        self._levels = dict(reversed([*self._rules, *(rule for rules in self._extensions for rule in rules)]))
        self._overrides = dict(self._read_overrides())
        self._completed = self._read_invocations()

    def analysis(self) -> Analysis:
        name = self._driver.text("name").strip()
        if not name:
            raise FormatError("expected the name of a tool, got none", where=self._driver.path("name"))
        rules: dict[str, Outcome] = {}
        counts = {"error": 0, "warning": 0, "note": 0, "suppressed": 0}
        failed = Outcome.PASSED if self._completed else Outcome.FAILED
        for result in self._results():
            level, outcome = self._judge(result)
            counts[level] = counts.get(level, 0) + 1
            if outcome is not None:
                rule = self._rule_id(result)
                rules[rule] = max(outcome, rules.get(rule, outcome))
        return Analysis(
            tool=name,
            version=optional_text(self._driver, "semanticVersion") or optional_text(self._driver, "version"),
            outcome=worst([failed, *(each for each in rules.values() if each is not Outcome.SKIPPED)]),
            rules=rules,
            errors=counts["error"],
            warnings=counts["warning"],
            notes=counts["note"],
            suppressed=counts["suppressed"],
        )

    def _results(self) -> Iterator[Fields]:
        elsewhere = self._fields.any("externalPropertyFileReferences", None)
        if elsewhere and Fields(elsewhere, self._fields.path("externalPropertyFileReferences")).any("results", None):
            raise FormatError("the results are in other files", where=self._fields.where, remedy="write them into one")
        where = self._fields.path("results")
        value = self._fields.any("results", None)
        if value is None:
            raise FormatError("missing: nothing was analysed, or it did not end", where=where)
        for index, item in enumerate(findings(value, where)):
            yield Fields(item, f"{where}[{index}]")

    def _judge(self, result: Fields) -> tuple[str, Outcome | None]:
        """Return the level that counts, and the outcome of the rule, None if the result says nothing of it."""
        kind = result.any("kind", None) or "fail"
        if not isinstance(kind, str) or kind not in _KINDS:
            raise FormatError(f"expected one of {', '.join(_KINDS)}, got {describe(kind)}", where=result.path("kind"))
        level = self._level(result, kind)
        if _is_suppressed(result):
            return "suppressed", None
        if result.any("baselineState", None) == "absent":  # it was there once
            return "none", None
        outcomes = [each for each in (_KINDS[kind], _LEVELS[level]) if each is not None]
        return level, worst(outcomes) if outcomes else None

    def _level(self, result: Fields, kind: str) -> str:
        given = result.any("level", None)
        if given is None:
            given = self._usual_level(result) if kind == "fail" else "none"
        if not isinstance(given, str) or given not in _LEVELS:
            raise FormatError(
                f"expected one of {', '.join(_LEVELS)}, got {describe(given)}", where=result.path("level")
            )
        return given

    def _usual_level(self, result: Fields) -> object:
        """Return the level of a result that has none of its own: its rule's, if one is known, else a warning's."""
        rule, name = self._indexed_rule(result), self._rule_id(result)
        if name in self._overrides:  # how the tool was configured for this run (SARIF 3.20.5)
            return self._overrides[name]
        if rule is not None:
            return rule[1]
        for _ in range(_MOST_PARTS):  # CA1000/2 is of the rule CA1000 (SARIF 3.27.5)
            if name in self._levels:
                return self._levels[name]
            name = name.rpartition("/")[0]
        return "warning"

    def _rule_id(self, result: Fields) -> str:
        rule = result.any("rule", None)
        reference = Fields(rule, result.path("rule")) if rule is not None else None
        name = optional_text(result, "ruleId") or (optional_text(reference, "id") if reference else "")
        if name:
            return name
        found = self._indexed_rule(result)
        return "a rule without a name" if found is None else found[0]

    def _indexed_rule(self, result: Fields) -> tuple[str, object] | None:
        """Return name and usual level of the rule that the result names by its number, None if it names none."""
        rule = as_object(result.any("rule", None) or {}, result.path("rule"))
        component = as_object(rule.get("toolComponent") or {}, result.path("rule.toolComponent"))
        rules = self._rules
        if component:  # one of an extension (SARIF 3.52.7), which has to be numbered, too
            rules = _numbered(self._extensions, component.get("index")) or []
        return _numbered(rules, result.any("ruleIndex", rule.get("index")))

    def _read_extensions(self) -> Iterator[Fields]:
        where = self._fields.path("tool.extensions")
        tool = as_object(self._fields.any("tool"), self._fields.path("tool"))
        for index, value in enumerate(as_list(tool.get("extensions") or [], where)):
            yield Fields(value, f"{where}[{index}]")

    def _read_overrides(self) -> Iterator[tuple[str, object]]:
        """Yield name and level of the rules that the tool was told to take otherwise."""
        for invocation in self._invocations():
            where = invocation.path("ruleConfigurationOverrides")
            for index, value in enumerate(as_list(invocation.any("ruleConfigurationOverrides", None) or [], where)):
                override = Fields(value, f"{where}[{index}]")
                rule = Fields(override.any("descriptor"), override.path("descriptor"))
                level = as_object(override.any("configuration"), override.path("configuration")).get("level")
                known = _numbered(self._rules, rule.any("index", None))
                name = optional_text(rule, "id") or ("" if known is None else known[0])
                if name and level is not None:
                    yield name, level

    def _invocations(self) -> Iterator[Fields]:
        where = self._fields.path("invocations")
        for index, value in enumerate(as_list(self._fields.any("invocations", None) or [], where)):
            yield Fields(value, f"{where}[{index}]")

    def _read_invocations(self) -> bool:
        """Return whether the analyser says nowhere that it did not get through."""
        good = True
        for invocation in self._invocations():
            good &= invocation.any("executionSuccessful", default=True) is True
            for name in ("toolExecutionNotifications", "toolConfigurationNotifications"):
                told = as_list(invocation.any(name, None) or [], invocation.path(name))
                good &= not any(as_object(each, invocation.path(name)).get("level") == "error" for each in told)
        return good


def _rules_of(component: Fields) -> Iterator[tuple[str, object]]:
    """Yield name and usual level of the rules that a tool, or an extension of it, tells of."""
    where = component.path("rules")
    for index, value in enumerate(as_list(component.any("rules", None) or [], where)):
        rule = Fields(value, f"{where}[{index}]")
        usual = as_object(rule.any("defaultConfiguration", None) or {}, rule.path("defaultConfiguration"))
        yield as_text(rule.any("id"), rule.path("id")), usual.get("level", "warning")


def _numbered(items: Sequence[_T], index: object) -> _T | None:
    return items[index] if type(index) is int and 0 <= index < len(items) else None


def _is_suppressed(result: Fields) -> bool:
    where = result.path("suppressions")
    entries = [as_object(each, where) for each in as_list(result.any("suppressions", None) or [], where)]
    # SARIF 3.27.23: a result is suppressed if there are suppressions, and none is under review or rejected.
    return bool(entries) and all(each.get("status", "accepted") == "accepted" for each in entries)
