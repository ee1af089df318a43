"""Data sets, transforms and the sampler of two-domain training."""
from .camera_space_coco import CameraSpaceCocoDataset
from .public import *  # noqa: F401,F403
from .public import __all__ as _public
from .samplers import *  # noqa: F401,F403
from .samplers import __all__ as _samplers
from .style_images import StyleTransferDataset
from .transforms import *  # noqa: F401,F403
from .transforms import __all__ as _transforms
from .two_domain import TwoDomainDataset
from .unlabeled import UnlabeledPoseDataset

__all__ = ['CameraSpaceCocoDataset', 'StyleTransferDataset', 'TwoDomainDataset',
           'UnlabeledPoseDataset', *_public, *_samplers, *_transforms]
