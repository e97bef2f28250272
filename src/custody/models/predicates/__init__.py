"""Types of predicates: what they are called, and what each must have (a file for every type).

A predicate of a type that is not in the table is any JSON object.
"""

from __future__ import annotations

from custody.models.predicates.registry import (
    PREDICATES,
    Predicate,
    check_predicate,
    check_statement,
    known_predicate,
    predicate_type,
)

__all__ = [
    "PREDICATES",
    "Predicate",
    "check_predicate",
    "check_statement",
    "known_predicate",
    "predicate_type",
]
