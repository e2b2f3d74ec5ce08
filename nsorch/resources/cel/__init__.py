"""Rules in the Common Expression Language, with the functions that Kubernetes adds to it.

The library behind it is Google's own C++ implementation. Loading it takes 15 MB, so it is loaded when the first rule is
compiled and not before. Source: https://kubernetes.io/docs/reference/using-api/cel/
"""

from nsorch.resources.cel.environment import CelError, Program, compile_rule, uses

__all__ = ["CelError", "Program", "compile_rule", "uses"]
