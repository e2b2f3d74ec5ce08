"""Clock, files, paths, logging. Standard library only."""
