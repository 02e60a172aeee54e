"""Ops, as cards: one idea a file."""
