"""The commands of `python -m mien_train`; each module adds its own to the parser."""
