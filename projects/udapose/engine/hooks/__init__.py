"""Training hooks."""
from .average_buffers_hook import AverageBuffersHook
from .ema_teacher_hook import EMATeacherHook
from .export_teacher_hook import ExportTeacherHook
from .preflight_hook import PreflightHook
from .pseudo_label_monitor_hook import PseudoLabelMonitorHook
from .pseudo_label_visualization_hook import PseudoLabelVisualizationHook

__all__ = ['AverageBuffersHook', 'EMATeacherHook', 'ExportTeacherHook', 'PreflightHook',
           'PseudoLabelMonitorHook', 'PseudoLabelVisualizationHook']
