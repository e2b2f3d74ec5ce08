"""Objects in words, a file for each family of kinds; ``describe`` chooses."""
