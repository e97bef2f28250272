"""Artifact rules (specification 1.0, section 4.3.3): what they speak about, their grammar, and their engine.

`artifacts` are names with digests, `digests` says when two are the same, `variants` are the seven rules, `grammar`
reads and writes them as lists and as text, `patterns` says what `*` means, and `engine` consumes a queue and leaves
a trace.
"""
