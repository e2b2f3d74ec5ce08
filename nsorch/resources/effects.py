"""Words that warnings of several kinds share."""

NO_EFFECT = "stored but has no effect on this cluster"
