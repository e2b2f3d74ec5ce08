"""Pods to processes: the node agent."""
