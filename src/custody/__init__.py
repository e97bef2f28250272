"""custody records, signs and verifies software supply chains (in-toto)."""

__version__ = "0.1.0"
