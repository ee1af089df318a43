"""Packing of samples with 3D keypoints."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS

from .views import META_KEYS

#: What a 3D head needs of a sample to return to the camera's space
CAMERA_KEYS = ('intrinsics', 'root_index')


@TRANSFORMS.register_module()
class PackPose3DInputs(PackPoseInputs):
    """MMPose's ``PackPoseInputs`` with the camera in the metainfo.

    Packs ``gt_instances.keypoints_cam`` (1, K, 3) mm as MMPose does, and in ``metainfo``
    ``intrinsics`` (3, 3), ``root_index``, ``input_matrix`` (3, 3) and, where the data set mirrored
    its file, ``mirror_image``. For the labelled branch of a
    two-domain batch use ``dict(type='PackBranches', branch='source', extra_meta_keys=('intrinsics',
    'root_index'))`` instead.

    Args:
        meta_keys (Sequence[str]): Keys copied to ``metainfo`` where they exist.
        extra_meta_keys (Sequence[str]): Further ones.

    Raises:
        ValueError: ``input_matrix`` or ``intrinsics`` is missing, or the image was flipped after
            the crop.
    """

    def __init__(self, meta_keys: Sequence[str] = (*META_KEYS, *CAMERA_KEYS, 'mirror_image'),
                 extra_meta_keys: Sequence[str] = ()) -> None:
        super().__init__(meta_keys=(*meta_keys, *extra_meta_keys))

    def transform(self, results: dict) -> dict:
        """Pack one sample."""
        where = results.get('img_path', 'a sample')
        if results.get('input_matrix') is None:
            raise ValueError(f'{where} has no input_matrix, so its predictions cannot return to '
                             'the original image: crop by RecordedTopdownAffine')
        if results.get('intrinsics') is None:
            raise ValueError(f'{where} has no intrinsics: use a data set with cameras, such as '
                             'CameraSpaceCocoDataset, or PackPoseInputs for 2D poses')
        mirrored = np.linalg.det(results['input_matrix'][:2, :2]) < 0
        if mirrored != bool(results.get('flip') and results.get('flip_direction') != 'diagonal'):
            raise ValueError('the image was flipped after RecordedTopdownAffine, so input_matrix '
                             'is wrong: put RandomFlip before RecordedTopdownAffine')
        return super().transform(results)
