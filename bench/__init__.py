"""Benchmarks. What they import comes after `app`, which chooses between sources and machine code."""

from app import COMPILED as COMPILED
