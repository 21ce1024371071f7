"""Benchmarks are run by hand: nothing in this folder is collected."""

collect_ignore_glob = ["*.py"]
