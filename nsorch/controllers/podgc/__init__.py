"""Bounds on Pods that have ended, and removal of those that nobody can end."""
