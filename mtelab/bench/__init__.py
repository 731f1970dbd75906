"""Benchmarks. They print ratios against what anyone can install; none is a test."""
