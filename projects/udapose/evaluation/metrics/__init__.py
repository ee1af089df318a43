"""Metrics."""
from .grouped_pck import GroupedPCK

__all__ = ['GroupedPCK']
