"""Measurements that are too long, or too variable, for a test."""
