"""Loss functions."""
from .attention_regularization_loss import AttentionRegularizationLoss
from .attention_regularization_term import AttentionRegularization
from .domain_adversarial_loss import DomainAdversarialLoss
from .gaussian_heatmap_kl_loss import GaussianHeatmapKLLoss
from .head_consistency_loss import HeadConsistencyLoss
from .heatmap_consistency_loss import HeatmapConsistencyLoss
from .information_maximization_loss import InformationMaximizationLoss, softmax_entropy
from .regression_disparity import RegressionDisparity, ground_false
from .weighted_reconstruction_loss import WeightedReconstructionLoss

__all__ = [
    'AttentionRegularization', 'AttentionRegularizationLoss', 'DomainAdversarialLoss',
    'GaussianHeatmapKLLoss', 'HeadConsistencyLoss', 'HeatmapConsistencyLoss',
    'InformationMaximizationLoss', 'RegressionDisparity',
    'WeightedReconstructionLoss', 'ground_false', 'softmax_entropy'
]
