"""The commands of `python -m mien_export`, one file each; a file adds its own to the parser and imports late."""
