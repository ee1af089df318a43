"""Hooks, loops and optimizer wrappers."""
from .hooks import *  # noqa: F401,F403
from .hooks import __all__ as _hooks
from .loops import ResumableIterBasedTrainLoop
from .val_loops import TeacherStudentTestLoop, TeacherStudentValLoop

__all__ = ['ResumableIterBasedTrainLoop', 'TeacherStudentTestLoop', 'TeacherStudentValLoop',
           *_hooks]
