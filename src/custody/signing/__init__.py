"""Private keys: one protocol, one registry by URI scheme, an adapter a file. Secrets never reach argv or a log."""
