"""The source that `custody layout new` writes: it builds as it is once the keys exist, and nothing is wrong with it."""

from __future__ import annotations

__all__ = ["STARTER", "STARTER_KEYS"]

STARTER_KEYS = ("keys/alice.pub", "keys/bob.pub", "keys/carol.pub", "keys/dave.pub")
"""The key files that the starter names, from its own directory on."""

STARTER = """\
# How acme is made, and by whom. Compile it with `custody layout build`, look for mistakes with
# `custody layout lint`, and sign the result with `custody sign`.

readme: How acme is made

# A duration (days, weeks, months, years) from the moment of building, or a date such as 2030-01-31 (UTC).
expires: 6 months

# Everybody who performs a step, with their public key: a file (from this file's directory on), file:PATH, or the
# key's own text after '|'. `mkdir keys; custody keygen keys/alice` makes a pair, whose private half alice keeps.
functionaries:
  alice: keys/alice.pub
  bob: keys/bob.pub
  carol: keys/carol.pub
  dave: keys/dave.pub

# What is done, in order. `threshold` of the functionaries have to do a step and agree (1 if left out).
#
# Rules are applied from the first to the last. Each takes the files it is about; what is left when the list ends is
# ALLOWED, so end every list with DISALLOW *. In patterns, * also crosses '/'.
#   CREATE, MODIFY, DELETE pattern   the step makes, changes, removes these
#   MATCH pattern WITH PRODUCTS FROM step   these are, byte for byte, what that step made
#   REQUIRE name   this file must be there; put it first
#   ALLOW, DISALLOW pattern   these may be there, may not be there
steps:
  - name: clone
    functionaries: [alice]
    expected_command: git clone https://example.com/acme.git
    expected_materials:
      - DISALLOW *
    expected_products:
      - CREATE acme/*
      - DISALLOW *

  # Two people read the source and leave it as it is.
  - name: review
    functionaries: [bob, carol]
    threshold: 2
    expected_materials:
      - MATCH acme/* WITH PRODUCTS FROM clone
      - DISALLOW *
    expected_products:
      - MATCH acme/* WITH PRODUCTS FROM clone
      - DISALLOW *

  - name: package
    functionaries: [dave]
    expected_command: tar czf acme.tar.gz acme
    expected_materials:
      - MATCH acme/* WITH PRODUCTS FROM review
      - DISALLOW *
    expected_products:
      - CREATE acme.tar.gz
      - DISALLOW *

# What the verifier runs, in the directory where acme.tar.gz is.
inspect:
  - name: unpack
    run: tar xzf acme.tar.gz
    expected_materials:
      - MATCH acme.tar.gz WITH PRODUCTS FROM package
      - DISALLOW *
    expected_products:
      - MATCH acme.tar.gz WITH PRODUCTS FROM package
      - MATCH acme/* WITH PRODUCTS FROM review
      - DISALLOW *
"""
