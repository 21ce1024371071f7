"""Tests, one file for each module of autoreg, beside the laws and what they compare with."""
