"""What a layout can be blamed for: stable reason codes, each with one severity and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from custody.value import Value

__all__ = ["CATALOGUE", "Code", "Complaint", "Entry", "Severity"]


class Severity(StrEnum):
    """How bad it is, the worst first."""

    ERROR = "error"
    """No supply chain can pass, or anybody's can."""

    WARNING = "warning"
    """The layout demands less, or something else, than it seems to."""

    NOTE = "note"
    """Worth knowing; sound layouts may have it."""

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Code(StrEnum):
    """Why; these names do not change."""

    NO_STEPS = "no-steps"
    NO_PUBKEYS = "no-pubkeys"
    UNKNOWN_PUBKEY = "unknown-pubkey"
    DUPLICATE_PUBKEY = "duplicate-pubkey"
    THRESHOLD_TOO_HIGH = "threshold-too-high"
    THRESHOLD_ONE_ACTOR = "threshold-one-actor"
    KEY_TWICE = "key-twice"
    KEY_ID_PREFIX = "key-id-prefix"
    FOREIGN_KEY_ID = "foreign-key-id"
    UNUSED_KEY = "unused-key"
    REVIEWS_OWN_WORK = "reviews-own-work"
    SAME_KEY_FOLLOWS = "same-key-follows"
    KEYLESS_ANYBODY = "keyless-anybody"
    KEYLESS_PARTIAL = "keyless-partial"
    KEYLESS_DOT = "keyless-dot"

    CERT_ANYBODY = "cert-anybody"
    CERT_NO_ROOT = "cert-no-root"
    CERT_UNKNOWN_ROOT = "cert-unknown-root"
    CERT_LITERAL_STAR = "cert-literal-star"
    CERT_BESIDE_KEY = "cert-beside-key"
    CA_UNUSED = "ca-unused"
    CA_UNUSABLE = "ca-unusable"
    CA_EXPIRES = "ca-expires"

    NO_RULES = "no-rules"
    OPEN_RULES = "open-rules"
    ALLOWS_EVERYTHING = "allows-everything"
    UNREACHABLE_RULE = "unreachable-rule"
    SHADOWED_DISALLOW = "shadowed-disallow"
    DUPLICATE_RULE = "duplicate-rule"
    NEVER_CONSUMES = "never-consumes"
    REQUIRE_TOO_LATE = "require-too-late"
    REQUIRE_AFTER_RULE = "require-after-rule"
    REQUIRE_WILDCARD = "require-wildcard"
    LONG_LIST = "long-list"

    NO_SOURCE = "no-source"
    UNTIED_MATERIAL = "untied-material"
    INSPECTION_UNTIED = "inspection-untied"
    MATCH_MISSING = "match-missing"
    MATCH_INSPECTION = "match-inspection"
    MATCH_LATER = "match-later"
    MATCH_SELF = "match-self"
    MATCH_NOTHING = "match-nothing"
    MATCH_BYPASSED = "match-bypassed"
    UNCONSUMED_PRODUCTS = "unconsumed-products"
    NO_ARTIFACT = "no-artifact"

    STAR_CROSSES = "star-crosses"
    DOUBLE_STAR = "double-star"
    BRACKET_SET = "bracket-set"
    UNMATCHABLE_PATTERN = "unmatchable-pattern"

    EXPIRED = "expired"
    EXPIRES_SOON = "expires-soon"
    EXPIRES_LATE = "expires-late"
    NO_COMMAND = "no-command"
    SHELL_COMMAND = "shell-command"
    SHELL_OPERATOR = "shell-operator"


class Entry(Value):
    """What the catalogue says about a code."""

    severity: Severity
    meaning: str


def _error(meaning: str) -> Entry:
    return Entry(severity=Severity.ERROR, meaning=meaning)


def _warning(meaning: str) -> Entry:
    return Entry(severity=Severity.WARNING, meaning=meaning)


def _note(meaning: str) -> Entry:
    return Entry(severity=Severity.NOTE, meaning=meaning)


CATALOGUE: Mapping[Code, Entry] = {
    Code.NO_STEPS: _error("a layout without steps demands nothing"),
    Code.NO_PUBKEYS: _error("a step that nobody may perform"),
    Code.UNKNOWN_PUBKEY: _error("a step names a key that the layout does not hold"),
    Code.DUPLICATE_PUBKEY: _warning("a step names a key twice; it counts once"),
    Code.THRESHOLD_TOO_HIGH: _error("a threshold above the number of keys that may sign"),
    Code.THRESHOLD_ONE_ACTOR: _error(
        "a threshold that one holder of a key could seem to meet alone, since it stands there under several ids"
    ),
    Code.KEY_TWICE: _warning("one key stands in the layout under several ids"),
    Code.KEY_ID_PREFIX: _warning("two keys of a step share the part of the id that names files"),
    Code.FOREIGN_KEY_ID: _warning("a key id that does not follow from its key"),
    Code.UNUSED_KEY: _warning("a key that may sign nothing"),
    Code.REVIEWS_OWN_WORK: _warning("a key may review what it made itself"),
    Code.SAME_KEY_FOLLOWS: _note("a key may perform a step and the next one that checks it"),
    Code.KEYLESS_ANYBODY: _warning("a regular expression for an identity or issuer that matches anybody"),
    Code.KEYLESS_PARTIAL: _warning("a regular expression that looks like a part of a name and has to match all of it"),
    Code.KEYLESS_DOT: _warning("a dot in a regular expression for an identity or issuer that stands for any character"),
    Code.CERT_ANYBODY: _warning("a certificate constraint that everybody meets whom a root certified"),
    Code.CERT_NO_ROOT: _error("a certificate constraint without any root that the layout holds"),
    Code.CERT_UNKNOWN_ROOT: _warning("a certificate constraint names a root that the layout does not hold"),
    Code.CERT_LITERAL_STAR: _warning("a * inside of a name that is compared as it is"),
    Code.CERT_BESIDE_KEY: _warning("a threshold that one person with a listed key and a certificate could meet"),
    Code.CA_UNUSED: _warning("a root CA that no certificate constraint counts on"),
    Code.CA_UNUSABLE: _warning("a CA's certificate by which no other one counts"),
    Code.CA_EXPIRES: _note("a CA whose certificate expires before the layout"),
    Code.NO_RULES: _warning("no rules at all: every artifact is allowed"),
    Code.OPEN_RULES: _warning("no DISALLOW * at the end: what no rule mentions is allowed"),
    Code.ALLOWS_EVERYTHING: _warning("ALLOW * allows every artifact that is left"),
    Code.UNREACHABLE_RULE: _warning("a rule to which earlier ones leave nothing"),
    Code.SHADOWED_DISALLOW: _warning("a DISALLOW of what an earlier ALLOW has let through"),
    Code.DUPLICATE_RULE: _warning("a rule that stands in the list before"),
    Code.NEVER_CONSUMES: _warning("CREATE among materials or DELETE among products"),
    Code.REQUIRE_TOO_LATE: _error("a REQUIRE that always fails: its artifact was taken before"),
    Code.REQUIRE_AFTER_RULE: _warning("a REQUIRE that fails if the rule before it succeeds"),
    Code.REQUIRE_WILDCARD: _warning("a wildcard in REQUIRE, which takes names literally"),
    Code.LONG_LIST: _note("a list too long to compare all its rules with each other"),
    Code.NO_SOURCE: _warning("materials of a later step that nothing ties to an earlier one"),
    Code.UNTIED_MATERIAL: _note("some materials of a later step come from nowhere"),
    Code.INSPECTION_UNTIED: _warning("an inspection that no rule ties to a step"),
    Code.MATCH_MISSING: _error("a MATCH from a step that does not exist"),
    Code.MATCH_INSPECTION: _error("a MATCH from an inspection that has not run by then"),
    Code.MATCH_LATER: _warning("a MATCH from a later step"),
    Code.MATCH_SELF: _warning("a MATCH of a step with itself that proves nothing"),
    Code.MATCH_NOTHING: _warning("a MATCH of what the other step cannot have"),
    Code.MATCH_BYPASSED: _warning("a MATCH whose failures a later ALLOW lets through"),
    Code.UNCONSUMED_PRODUCTS: _note("products that no other step or inspection takes up"),
    Code.NO_ARTIFACT: _note("no rule takes up any product of the last step"),
    Code.STAR_CROSSES: _note("a * in the middle of a pattern also crosses /"),
    Code.DOUBLE_STAR: _warning("** is * and does not stand for any number of directories"),
    Code.BRACKET_SET: _warning("brackets that look like a name and mean a set of characters"),
    Code.UNMATCHABLE_PATTERN: _warning("a pattern that no normalised path can match"),
    Code.EXPIRED: _error("the layout has expired"),
    Code.EXPIRES_SOON: _warning("the layout expires within two weeks"),
    Code.EXPIRES_LATE: _warning("the layout is valid for more than two years"),
    Code.NO_COMMAND: _note("a step without an expected command"),
    Code.SHELL_COMMAND: _note("an inspection that hands a program to a shell"),
    Code.SHELL_OPERATOR: _warning("a command with words that only a shell would understand"),
}
"""Every code; the table of the reference documentation is made from it."""


class Complaint(Value):
    """One thing that is wrong: a code, the path in the layout, a sentence, and what to do."""

    code: Code
    where: str
    sentence: str
    remedy: str

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return CATALOGUE[self.code].severity
