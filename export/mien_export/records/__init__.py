"""What docs/results/*.json hold: one module a kind of result, its types, and the one reader that checks a file by them.

Pages and measurements share these types. Nothing is computed here.
"""
