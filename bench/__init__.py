"""Benchmarks: ``make bench`` prints the figures of docs/benchmarks.md. Quote ratios of one run: machines are noisy."""
