"""Images from recipes: a subset of Containerfiles."""
