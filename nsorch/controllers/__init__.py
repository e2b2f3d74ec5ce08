"""Desired state -> desired state: one folder per controller, all on the same small loop.

Every controller is level triggered: a change puts the *key* of an object on a work queue, and ``reconcile(key)``
looks at the world as it is and makes the next step. It may be called at any time, any number of times. Reads come
from memory and writes are visible in memory once acknowledged, so a reconciler always sees what it did last and
needs no bookkeeping of "expected" objects.

In every folder: ``controller.py`` is the loop side (subscriptions, writes), everything else is pure.
"""

from nsorch.controllers.cluster.controller import bootstrap
from nsorch.controllers.controllers import Controllers
from nsorch.controllers.settings import ControllerSettings

__all__ = ["ControllerSettings", "Controllers", "bootstrap"]
