"""Deployments: roll ReplicaSets forward and back."""
