"""``python -m nsorch.daemon``: the daemon's own program, in the foreground."""

from __future__ import annotations

import os
import sys

import uvloop

from nsorch.daemon.daemon import Daemon
from nsorch.daemon.lock import StartFailure
from nsorch.daemon.settings import SettingsError, parse
from nsorch.kit import logs
from nsorch.linux.memory import one_arena


def main() -> int:
    """Exit status 0 after a clean stop, 1 if it cannot start, 2 for a wrong command line."""
    try:
        start = parse(sys.argv[1:])
    except SettingsError as error:
        print(f"nsorch daemon: {error}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("nsorch daemon: cannot start: it makes namespaces, mounts and rules, so it needs root", file=sys.stderr)
        return 1
    one_arena()
    os.umask(0o022)  # what Pods see (volumes, their own umask) must not depend on who started the daemon
    logs.configure(start.log_level, with_time="JOURNAL_STREAM" not in os.environ)
    try:
        uvloop.run(Daemon(start).run())
    except StartFailure as error:
        print(f"nsorch daemon: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
