"""The in-toto judge (specification 1.0, section 5.2): a layout, keys, evidence and an instant in, a `Verdict` out.

`case` is what it is given, `judge` the order in which it decides, and then a room a question: `owners` who signed the
layout, `votes` whose links count, `agreement` whether enough functionaries agree, `rulings` what the rules say,
`inspections` what the verifier's own commands say, `binding` whether the artifact under test is what the chain made.
Nothing here reads a file, a clock or a socket, or starts a process; commands run through the `Inspector` it is given.
"""
