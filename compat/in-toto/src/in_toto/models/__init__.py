"""Layouts, links and their envelopes, as objects that programs change."""
