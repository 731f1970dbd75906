"""Exercises that check themselves: fresh inputs, the smallest one that fails, three hints, and progress."""

from mtelab.learn.checking import check, hint, problem
from mtelab.learn.progress import progress

__all__ = ["check", "hint", "problem", "progress"]
