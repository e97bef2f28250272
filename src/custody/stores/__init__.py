"""Where evidence lives: one protocol, an adapter a file."""
