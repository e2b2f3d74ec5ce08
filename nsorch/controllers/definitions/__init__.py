"""Definitions of custom kinds: whose names are accepted, and how one ends."""
