"""One ECG as NumPy arrays: leads, windows, quality, beats, electrodes."""
