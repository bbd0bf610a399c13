"""Weights of pacing.py, fitted by benchmarks/fit_pacing.py on PTB-XL."""

# Curvature in each interval, slope in each, width, center, constant.
WEIGHTS = (
    0.664,
    1.381,
    1.921,
    2.073,
    0.352,
    -0.117,
    -0.477,
    0.884,
    -0.235,
    -0.037,
    -0.201,
    0.751,
    0.222,
    -1.977,
    -1.481,
    -1.281,
    -0.123,
    -0.168,
    -0.542,
    -1.357,
    0.249,
    0.141,
    0.091,
    -1.090,
    -0.435,
    3.679,
    -5.319,
)
LIMIT = 2.57
