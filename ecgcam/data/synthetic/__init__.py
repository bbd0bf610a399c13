"""Synthetic 12-lead ECGs with known abnormal intervals, alone or as a PTB-XL-like folder."""

from .ecg import Interval, SyntheticEcg, synthetic_ecg
from .folder import FOLDS, TRUTH, synthesize

__all__ = ["FOLDS", "TRUTH", "Interval", "SyntheticEcg", "synthetic_ecg", "synthesize"]
