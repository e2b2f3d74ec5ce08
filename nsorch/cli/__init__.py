"""What a person types: one file per command; talks HTTP on the daemon's unix socket."""
