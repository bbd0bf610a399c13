"""The paper's way and the peer libraries, each doing a stage as it is done with them.

Written anew from the paper's description. It runs in the peers' own environment as a package by
itself, so it imports nothing of ecgcam and only what each stage needs.
"""
