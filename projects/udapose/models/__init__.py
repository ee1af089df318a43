"""Models: estimators, losses, data preprocessors."""
from .data_preprocessors import *  # noqa: F401,F403
from .losses import *  # noqa: F401,F403
from .pose_estimators import *  # noqa: F401,F403
