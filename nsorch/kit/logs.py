"""Logging: one line per event, ``LEVEL component: message``, on standard error (journald adds the time)."""

from __future__ import annotations

import logging
import sys


def configure(level: str = "INFO", *, with_time: bool = True) -> None:
    """Send every logger of nsorch to standard error; ``with_time`` off below systemd."""
    stamp = "%(asctime)s " if with_time else ""
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format=stamp + "%(levelname)-7s %(name)s: %(message)s",
        force=True,
    )


def logger(component: str) -> logging.Logger:
    """The logger of one component, for example ``logger("node")``."""
    return logging.getLogger(f"nsorch.{component}")
