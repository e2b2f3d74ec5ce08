"""Garbage collection: objects whose owners are gone go too, or are let go, as the deletion of the owner asked for."""
