"""A page to look at a run while it goes on: live view, readings, health, metrics, and a pause switch."""
