"""Files damaged at random, each with its seed: mien reads what is left, or refuses it in one line.

`python -m mutations` (with this folder's parent in PYTHONPATH) runs them all; see `mutations.__main__`.
"""
