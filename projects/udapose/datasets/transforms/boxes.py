"""The box of the crop: the whole image, and random changes."""
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets.transforms import RandomBBoxTransform
from mmpose.registry import TRANSFORMS
from scipy.special import ndtr, ndtri


@TRANSFORMS.register_module()
class WholeImageBBox(BaseTransform):
    """Set the box to the whole image, whatever the annotation says.

    Protocols of unsupervised domain adaptation crop nothing, as no box of an unlabelled person is
    known; labelled sets must then be treated alike. Follow it by ``GetBBoxCenterScale(padding=1.)``
    and the input is the image, letterboxed to the aspect ratio of ``input_size``. The box is
    ``[0, 0, W, H]``, the one that ``inference_topdown`` uses when it is given none.

    Place it after loading and before flips. Metrics that normalise by the box then normalise by the
    image.

    Required keys: ``img``. Modified: ``bbox`` (1, 4) float32 xyxy; ``bbox_score`` is added if
    missing; ``bbox_center`` and ``bbox_scale`` are removed.
    """

    def transform(self, results: dict) -> dict:
        """Replace the box of ``results``."""
        height, width = results['img'].shape[:2]
        results['bbox'] = np.array([[0, 0, width, height]], np.float32)
        results.setdefault('bbox_score', np.ones(1, np.float32))
        for key in ('bbox_center', 'bbox_scale', 'bbox_rotation'):
            results.pop(key, None)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


@TRANSFORMS.register_module()
class QuickRandomBBoxTransform(RandomBBoxTransform):
    """MMPose's ``RandomBBoxTransform`` without SciPy's overhead (docs/costs.md).

    Arguments and results are the same, to the last digits of float32, and so is the state of the
    random generator afterwards.
    """

    @staticmethod
    def _truncnorm(low: float = -1., high: float = 1., size: tuple = ()) -> np.ndarray:
        """Standard normal between ``low`` and ``high``: the inverse of its distribution."""
        first, last = ndtr(low), ndtr(high)
        return ndtri(first + np.random.uniform(size=size) * (last - first)).astype(np.float32)
