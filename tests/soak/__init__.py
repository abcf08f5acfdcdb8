"""Endurance: hundreds of thousands of frames, faults in between, and what becomes of memory, threads and latency.

python -m soak [--frames N] [--every N] [--out FILE]
"""
