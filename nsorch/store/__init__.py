"""SQLite: one writer with group commit, compare-and-swap, watch journal, leases."""
