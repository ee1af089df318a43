"""Loss functions."""
from .attention_regularization_loss import AttentionRegularizationLoss
from .attention_regularization_term import AttentionRegularization
from .domain_adversarial_loss import DomainAdversarialLoss
from .gaussian_heatmap_kl_loss import GaussianHeatmapKLLoss
from .head_consistency_loss import HeadConsistencyLoss
from .heatmap_consistency_loss import HeatmapConsistencyLoss
from .information_maximization_loss import InformationMaximizationLoss, softmax_entropy
from .point_supervision import PointSupervision
from .pose_prior_loss import PosePriorLoss
from .regression_disparity import RegressionDisparity, ground_false
from .self_mixup_loss import SelfMixupLoss
from .start_model_distillation import StartModelDistillation
from .start_weight_loss import StartWeightLoss
from .weighted_reconstruction_loss import WeightedReconstructionLoss

__all__ = [
    'AttentionRegularization', 'AttentionRegularizationLoss', 'DomainAdversarialLoss',
    'GaussianHeatmapKLLoss', 'HeadConsistencyLoss', 'HeatmapConsistencyLoss',
    'InformationMaximizationLoss', 'PointSupervision', 'PosePriorLoss', 'RegressionDisparity',
    'SelfMixupLoss', 'StartModelDistillation', 'StartWeightLoss', 'WeightedReconstructionLoss',
    'ground_false', 'softmax_entropy'
]
