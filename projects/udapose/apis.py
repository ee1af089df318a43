"""MMPose's inference functions, importable by themselves.

``from mmpose.apis import init_model`` without ``import udapose`` before it fails where mmcv has
no compiled operators or mmdet is missing; importing them from here cannot: this package's import
has mended what they need.
"""
from . import compat  # noqa: F401  (first: mends what mmpose.apis imports)

# isort: split
from mmpose.apis import MMPoseInferencer, inference_bottomup, inference_topdown, init_model

__all__ = ['MMPoseInferencer', 'inference_bottomup', 'inference_topdown', 'init_model']
