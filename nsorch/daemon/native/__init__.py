"""``/nsorch/v1/``: what nsorch offers beside the Kubernetes API, for its own command line.

``apply``      three-way apply of one manifest
``images``     list, inspect, build, load, remove
``explain``    the plan by which a Pod was started
``status``     how the daemon is
``shutdown``   stop the daemon, with or without the Pods
"""
