"""Whether this machine can run mien, what is missing, and the command that mends it."""

from mien.doctor.check import Check, runnable
from mien.doctor.examination import examine

__all__ = ["Check", "examine", "runnable"]
