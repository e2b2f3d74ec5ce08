"""Programs that outlive the daemon: spawner and pod supervisor. Standard library, pyroute2 and nsorch.linux only."""
