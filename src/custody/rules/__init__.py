"""Artifact rules (specification 1.0, section 4.3.3): what they speak about, their grammar, and their engine.

`artifacts` are names with digests, `digests` says when two are the same, `variants` are the seven rules, `grammar`
reads and writes them as lists and as text, `patterns` says what `*` means, `queue` finds the names that a pattern
matches, and `engine` consumes them and leaves a trace.
"""
