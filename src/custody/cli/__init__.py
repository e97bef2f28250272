"""The `custody` command: `main` chooses, a module a command, `options` what they share, `output` how they print."""
