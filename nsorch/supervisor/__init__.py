"""Programs that outlive the daemon: the spawner and, one per Pod, the supervisor. Standard library and ``linux`` only."""
