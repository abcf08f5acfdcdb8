"""Proofs that both artefacts of a bundle are one quantization and compute the same, from nothing but their files."""
