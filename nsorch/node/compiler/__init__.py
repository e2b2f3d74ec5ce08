"""Pod + ConfigMaps + Secrets + image configs + addresses -> PodPlan. Pure: no I/O, no clock."""
