"""Weights of high_pass.py, fitted by benchmarks/fit_high_pass.py on PTB-XL."""

# Slow power (2), level (4), slope (4); the same for their squares; constant.
WEIGHTS = (
    -0.045,
    -1.273,
    -1.159,
    -0.315,
    0.074,
    -1.695,
    -1.341,
    -0.009,
    -0.040,
    -4.879,
    -0.197,
    -0.031,
    1.371,
    0.001,
    0.100,
    3.176,
    -0.153,
    0.024,
    0.007,
    2.781,
    -3.197,
)
LIMIT = 1.78
