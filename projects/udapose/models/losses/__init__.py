"""Loss functions."""
from .domain_adversarial_loss import DomainAdversarialLoss
from .gaussian_heatmap_kl_loss import GaussianHeatmapKLLoss
from .heatmap_consistency_loss import HeatmapConsistencyLoss
from .information_maximization_loss import InformationMaximizationLoss, softmax_entropy

__all__ = ['DomainAdversarialLoss', 'GaussianHeatmapKLLoss', 'HeatmapConsistencyLoss',
           'InformationMaximizationLoss', 'softmax_entropy']
