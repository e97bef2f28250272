"""Recording: which files are there, under which names, with which digests.

`recording.record(paths)` is the door. `options` says how and what comes back, `exclude` what is
left out, `walk` finds files, `names` decides what they are called, `digest` reads them, and
`resolvers` has one file for each URI scheme.

What is recorded is what is on disk, or there is an error: a missing path, a name or a kind of file
that a link cannot express, and a file that changes while it is read are refused. What was left out
without being asked for is a warning. The current directory never changes, and nothing here ever
blocks on a FIFO or a device.
"""
