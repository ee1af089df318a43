"""Readers of the public data sets of both papers' benchmarks."""
from .base import PublicPoseDataset, mirrored
