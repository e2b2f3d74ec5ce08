"""Desired state to desired state; one file or folder per kind."""
