"""Training hooks."""
from .adain_style_hook import AdaINStyleHook
from .attention_visualization_hook import AttentionVisualizationHook
from .average_buffers_hook import AverageBuffersHook
from .channels_last_hook import ChannelsLastHook
from .confidence_calibration_hook import ConfidenceCalibrationHook
from .constant_lr_hook import ConstantLRHook
from .domain_map_visualization_hook import DomainMapVisualizationHook
from .ema_teacher_hook import EMATeacherHook
from .export_teacher_hook import ExportTeacherHook
from .finite_loss_hook import FiniteLossHook
from .plain_attention_hook import PlainAttentionHook
from .preflight_hook import PreflightHook
from .pseudo_label_monitor_hook import PseudoLabelMonitorHook
from .pseudo_label_visualization_hook import PseudoLabelVisualizationHook
from .reconstruction_visualization_hook import ReconstructionVisualizationHook
from .rising_loss_hook import RisingLossHook
from .source_pretrain_hook import SourcePretrainHook
from .style_visualization_hook import StyleTransferVisualizationHook

__all__ = [
    'AdaINStyleHook', 'AttentionVisualizationHook', 'AverageBuffersHook', 'ChannelsLastHook',
    'ConfidenceCalibrationHook', 'ConstantLRHook', 'DomainMapVisualizationHook', 'EMATeacherHook',
    'ExportTeacherHook', 'FiniteLossHook', 'PlainAttentionHook', 'PreflightHook',
    'PseudoLabelMonitorHook', 'PseudoLabelVisualizationHook', 'ReconstructionVisualizationHook',
    'RisingLossHook', 'SourcePretrainHook', 'StyleTransferVisualizationHook'
]
