"""Containers that serve HTTP on port 8080 and can be replaced without losing a request."""

from __future__ import annotations

from tests.support.space import Object, main

HTTPD = 'mkdir /www; echo $VERSION > /www/index.html; trap "exit 0" TERM; httpd -f -p 8080 -h /www & wait'
"""Dies at once when it is told to end, whatever it is doing."""
HEALTHZ = {"path": "/healthz", "port": 8080}
PROBE = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}


def httpd(version: str = "1") -> Object:
    """Asked to end only after its last requests are done, by a preStop hook, as its real-life counterpart would be."""
    hook = {"preStop": {"exec": {"command": ["sleep", "0.3"]}}}
    env = [{"name": "VERSION", "value": version}]
    return main(["sh", "-c", HTTPD], env=env, readinessProbe=PROBE, lifecycle=hook)


def web(version: str = "1") -> Object:
    """The guestbook's web app: goes on for a moment after SIGTERM, and finishes what it has begun."""
    env = [{"name": "VERSION", "value": version}, {"name": "REDIS", "value": "127.0.0.1:1"}]
    return main(["python3", "/app/guestbook.py"], image="web", env=env, readinessProbe={**PROBE, "httpGet": HEALTHZ})
