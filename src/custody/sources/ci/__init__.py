"""What CI systems say of the build that runs in them: a file for every system.

Each reads variables that its system documents, and only those that say which build this is. Everything else in an
environment may be a secret and never leaves it. What a system says is a claim: whoever can set variables can say
anything.

`systems` finds the system by its variables, `build` is what comes out, `variables` and `urls` keep out what does not
belong into a document.
"""
