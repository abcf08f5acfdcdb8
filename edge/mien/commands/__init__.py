"""The subcommands of `mien`. Each module has NAME, `add` (its options) and `main` (args → exit status).

Heavy imports stand inside `main`, so that `mien --help` and a wrong option answer at once.
"""
