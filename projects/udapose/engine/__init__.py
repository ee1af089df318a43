"""Hooks, loops and optimizer wrappers."""
from .hooks import *  # noqa: F401,F403
from .hooks import __all__ as _hooks
from .loops import ResumableIterBasedTrainLoop
from .optim_wrappers import PrefixedLayerDecayOptimWrapperConstructor
from .optimizers import KickDriftKick
from .val_loops import LabelFreeValLoop, TeacherStudentTestLoop, TeacherStudentValLoop

__all__ = ['KickDriftKick', 'LabelFreeValLoop', 'PrefixedLayerDecayOptimWrapperConstructor',
           'ResumableIterBasedTrainLoop', 'TeacherStudentTestLoop', 'TeacherStudentValLoop',
           *_hooks]
