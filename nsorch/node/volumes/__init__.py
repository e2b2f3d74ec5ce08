"""Volumes: what the agent puts on disk for a Pod before and while it runs."""
