"""Pod addresses, host routes, Service rules and the cluster DNS.

Nothing is imported here: the DNS program (``python -m nsorch.network.dns``) shares this package and stays small.
"""
