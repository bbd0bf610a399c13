"""The paper's way and the peer libraries, each used as it is meant to be used.

Written from the paper's description. It runs in an environment with the peer libraries, so it
imports nothing of ecgcam, and each stage imports only what it needs.
"""
