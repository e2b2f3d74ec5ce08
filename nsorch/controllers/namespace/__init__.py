"""Namespaces: what every one gets, and how one ends."""
