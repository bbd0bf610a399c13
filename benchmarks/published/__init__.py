"""Comparison with the model published with the paper."""
