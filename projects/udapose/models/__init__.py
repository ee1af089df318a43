"""Models: estimators, losses, discriminators, style transfer, data preprocessors."""
from .backbones import *  # noqa: F401,F403
from .data_preprocessors import *  # noqa: F401,F403
from .discriminators import *  # noqa: F401,F403
from .gradients import *  # noqa: F401,F403
from .heads import *  # noqa: F401,F403
from .layers import *  # noqa: F401,F403
from .losses import *  # noqa: F401,F403
from .pose_estimators import *  # noqa: F401,F403
from .selfsup import *  # noqa: F401,F403
from .student_augments import *  # noqa: F401,F403
from .style_transfer import *  # noqa: F401,F403
