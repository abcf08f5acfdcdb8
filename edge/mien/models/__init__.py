"""The bundled weights with their sidecars, and what turns them into something that runs: bundle, quantization, engines.

What a model's outputs mean is decoded in `mien.faces` and `mien.emotions`.
"""
