"""Packing images and foreground masks for masked reconstruction."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample

META_KEYS = ('img_path', 'ori_shape', 'input_size', 'input_center', 'input_scale', 'input_matrix',
             'flip', 'dataset_name')


@TRANSFORMS.register_module()
class PackReconstructionInputs(BaseTransform):
    """Pack an image and, if it has one, its foreground mask; labels are left out.

    The last step of a pipeline of masked reconstruction, labelled or not.

    Required keys: ``img`` (H, W, 3) uint8; optionally ``foreground_mask`` (H, W) uint8, warped with
    the image by :class:`RecordedTopdownAffine`. Result: ``inputs`` (3, H, W) uint8 tensor and
    ``data_samples``, a ``PoseDataSample`` with ``domain`` in its ``metainfo`` and, with a mask,
    ``gt_fields.foreground_mask`` (1, H, W) uint8.

    Args:
        domain (str): ``'source'`` or ``'target'``.
        meta_keys (Sequence[str]): Keys copied to ``metainfo`` where they exist. Defaults to
            ``META_KEYS``.

    Raises:
        ValueError: Another domain; a mask of another size than the image; a flip after the crop,
            which the mask has not seen.
    """

    def __init__(self, domain: str, meta_keys: Sequence[str] = META_KEYS) -> None:
        if domain not in ('source', 'target'):
            raise ValueError(f"domain={domain!r} is neither 'source' nor 'target'")
        self.domain, self.meta_keys = domain, tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack one sample."""
        img = results['img']
        sample = PoseDataSample(metainfo=dict(
            {key: results[key] for key in self.meta_keys if key in results}, domain=self.domain))
        mask = results.get('foreground_mask')
        if mask is not None:
            _check(mask, img, results)
            sample.gt_fields = PixelData(
                foreground_mask=torch.from_numpy(np.ascontiguousarray(mask))[None])
        img = torch.from_numpy(np.ascontiguousarray(img.transpose(2, 0, 1)))
        return dict(inputs=img, data_samples=sample)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(domain={self.domain!r}, meta_keys={self.meta_keys})'


def _check(mask: np.ndarray, img: np.ndarray, results: dict) -> None:
    name = results.get('img_path', 'the image')
    if mask.shape != img.shape[:2] or mask.dtype != np.uint8:
        raise ValueError(
            f'the foreground mask of {name} is {mask.shape} {mask.dtype}, the image '
            f'{img.shape[:2]} (height, width), and uint8 is expected: only RecordedTopdownAffine '
            'crops both')
    matrix = results.get('input_matrix')
    mirrored = bool(results.get('flip')) and results.get('flip_direction') != 'diagonal'
    if matrix is not None and (np.linalg.det(matrix[:2, :2]) < 0) != mirrored:
        raise ValueError(f'{name} was flipped after RecordedTopdownAffine, its foreground mask was '
                         'not: put RandomFlip before RecordedTopdownAffine')
