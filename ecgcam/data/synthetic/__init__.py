"""Made-up 12-lead ECGs whose abnormal stretches are known, alone or as a PTB-XL-shaped folder."""

from .ecg import Interval, SyntheticEcg, synthetic_ecg
from .folder import FOLDS, TRUTH, synthesize

__all__ = ["FOLDS", "TRUTH", "Interval", "SyntheticEcg", "synthetic_ecg", "synthesize"]
