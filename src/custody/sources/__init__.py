"""What comes from elsewhere and custody compiles: the readable source of a layout, the reports of other tools.

`strict_yaml` reads YAML into nodes that know their path and line, `expiry` reads dates and durations, `functionaries`
reads keys, `supply_chain` compiles the whole, `instead` says what to write in place of what others write, and
`starter` is the source that `custody layout new` writes. `reports` is a room of its own.
"""
