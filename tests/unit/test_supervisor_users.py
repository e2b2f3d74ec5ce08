"""USER of an image."""

from __future__ import annotations

import pytest

from nsorch.supervisor.plan import Security
from nsorch.supervisor.users import Identity, resolve

PASSWD = "root:x:0:0:root:/root:/bin/sh\n# comment\nbroken\napp:x:1000:1001:App:/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1001:\nextra:x:2000:other,app\n1234:x:77:\n"


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        (Security(), Identity(0, 0, (0,), "/root")),
        (Security(user="app"), Identity(1000, 1001, (1001, 2000), "/home/app")),
        (Security(user="1000"), Identity(1000, 1001, (1001, 2000), "/home/app")),
        (Security(user="4711"), Identity(4711, 0, (0,), "/")),
        (Security(user="4711", gid=9), Identity(4711, 9, (9,), "/")),
        (Security(user="app:extra"), Identity(1000, 2000, (2000,), "/home/app")),
        (Security(user="app:55"), Identity(1000, 55, (55,), "/home/app")),
        (Security(user="app:1234"), Identity(1000, 77, (77,), "/home/app")),
        (Security(user="app", groups=(5, 6)), Identity(1000, 1001, (5, 6, 1001, 2000), "/home/app")),
        (Security(uid=1000, gid=3), Identity(1000, 3, (3, 2000), "/home/app")),
    ],
)
def test_resolve(security: Security, expected: Identity) -> None:
    assert resolve(security, PASSWD, GROUP) == expected


def test_unknown_names_are_errors() -> None:
    with pytest.raises(ValueError, match="unable to find user nobody"):
        resolve(Security(user="nobody"), PASSWD, GROUP)
    with pytest.raises(ValueError, match="unable to find group nothing"):
        resolve(Security(user="app:nothing"), PASSWD, GROUP)


def test_an_image_without_passwd() -> None:
    assert resolve(Security(user="1000:1000"), "", "") == Identity(1000, 1000, (1000,), "/")
