"""Figures, and the page to zoom in. A function returns its figure; it neither shows nor saves."""
