"""Predictions back in the camera's space."""
from __future__ import annotations

import numpy as np
from mmengine.structures import InstanceData

from ...codecs.camera_geometry import apply_matrix, backproject


def add_camera_space(predictions: list[InstanceData], data_samples: list,
                     root_depth: float | None = None) -> None:
    """Add ``keypoints_cam`` to predictions in input pixels and root-relative depths.

    A single image does not tell how far away the root is, unless the size of the pose is known.
    Its depth is ``root_depth`` if given, else the sample's own ``gt_instances.keypoints_cam`` at
    ``root_index``: the usual protocol of root-relative metrics. It scales x and y, so say so with
    every number. Samples without camera (``intrinsics``, ``input_matrix``) or without any root
    depth get no ``keypoints_cam``. Where the ground truth's root has none (it is unlabelled: not
    finite, or not in front of the camera), ``keypoints_cam`` is NaN, and the metrics leave the
    instance out.

    Args:
        predictions (list[InstanceData]): ``keypoints`` (1, K, 2) in *input* pixels,
            ``keypoint_depths`` (1, K) mm. ``keypoints_cam`` (1, K, 3) mm, float32, is added.
        data_samples (list[PoseDataSample]): With ``intrinsics`` (3, 3), ``input_matrix`` (3, 3)
            and ``root_index`` in the metainfo.
        root_depth (float, optional): Millimetres from the camera. Defaults to the ground truth's.
    """
    for prediction, sample in zip(predictions, data_samples):
        meta = sample.metainfo
        truth = sample.gt_instances.get('keypoints_cam') if 'gt_instances' in sample else None
        depth = root_depth
        if depth is None and truth is not None and 'root_index' in meta:
            depth = np.asarray(truth)[0, meta['root_index'], 2]
            depth = depth if depth > 0 else np.nan
        if depth is None or 'intrinsics' not in meta or 'input_matrix' not in meta:
            continue
        pixels = apply_matrix(np.linalg.inv(np.asarray(meta['input_matrix'], np.float64)),
                              prediction.keypoints)
        points = backproject(pixels, depth + prediction.keypoint_depths,
                             np.asarray(meta['intrinsics'], np.float64))
        prediction.keypoints_cam = points.astype(np.float32)
