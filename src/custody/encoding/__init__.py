"""Bytes to plain data and back, without a word about supply chains.

Strict JSON (`strict`), canonical JSON (`canonical`), base64 and hex (`text`), instants (`instants`), DSSE's
pre-authentication encoding (`pae`), and reading a parsed document field by field (`fields`). Everything here
refuses what is ambiguous: duplicate keys, NaN, trailing bytes, lone surrogates, deep nesting.
"""
