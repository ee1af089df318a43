"""Rules that combine the gradients of source loss and consistency."""
from .increment_metric import IncrementMetric
from .keypoint_gradient_gate import KeypointGradientGate
from .output_gradient import gradient_at_output, linear_layer_name, pull_back, with_gradient

__all__ = ['IncrementMetric', 'KeypointGradientGate', 'gradient_at_output', 'linear_layer_name',
           'pull_back', 'with_gradient']
