"""Optimizers."""
from .kick_drift_kick import KickDriftKick

__all__ = ['KickDriftKick']
