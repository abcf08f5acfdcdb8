"""Readings that are kept: a database of minutes, what it tells, and how it is emptied."""
