"""Recipes: every setting of a training run as a frozen dataclass, the named ones, and how a command changes them."""
