"""Made-up 12-lead ECGs whose abnormal stretches are known, alone or as a PTB-XL-shaped folder."""

from .ecg import Interval, MadeUp, made_up_ecg
from .folder import FOLDS, TRUTH, synthesize

__all__ = ["FOLDS", "TRUTH", "Interval", "MadeUp", "made_up_ecg", "synthesize"]
