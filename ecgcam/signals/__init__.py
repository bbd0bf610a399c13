"""One ECG as NumPy arrays: records, leads, windows, quality, beats, electrodes."""
