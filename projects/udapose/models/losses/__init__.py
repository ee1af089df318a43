"""Loss functions."""
from .heatmap_consistency_loss import HeatmapConsistencyLoss

__all__ = ['HeatmapConsistencyLoss']
