"""Training hooks."""
from .average_buffers_hook import AverageBuffersHook
from .ema_teacher_hook import EMATeacherHook
from .preflight_hook import PreflightHook
from .pseudo_label_monitor_hook import PseudoLabelMonitorHook

__all__ = ['AverageBuffersHook', 'EMATeacherHook', 'PreflightHook', 'PseudoLabelMonitorHook']
