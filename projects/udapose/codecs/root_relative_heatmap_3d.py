"""Keypoints in image and depth as coordinates of a heatmap volume."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.logging import MMLogger
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

_LEAST_DEPTHS = 10.


@KEYPOINT_CODECS.register_module()
class RootRelativeHeatmap3D(BaseKeypointCodec):
    r"""Input pixels and depth relative to a root joint, as continuous voxel coordinates.

    Voxel ``i`` of an axis with ``n`` voxels over the interval :math:`[a, b]` has its centre at
    integer coordinate ``i``: :math:`v = n (u - a) / (b - a) - 1/2`. In x and y the interval is the
    input image with all of its pixels' areas (-0.5 to width - 0.5), so that a flip of the image is
    a flip of the volume; in z it is ``depth_range``. :meth:`decode` is the exact inverse. (MMPose's
    2D codecs put the centre of heatmap pixel 0 on that of input pixel 0 instead.)

    Depth is the camera frame's z minus the root's: rotating, scaling or shifting the crop leaves it
    as it is, mirroring swaps the joints, which :meth:`encode` does (``keypoints_cam`` never is
    swapped, MMPose's ``RandomFlip`` swaps ``keypoints`` only).

    A joint whose depth is outside of ``depth_range``, or whose pixel is outside of the input, gets
    weight 0: a volume cannot express it. The former are counted (``num_outside``, of ``num_depths``
    visible joints; of this process, hence per worker of a data loader) and a warning is logged at
    the 1st, 10th, 100th, ... of them.

    Unlabelled joints (``keypoints_visible`` 0) may hold anything, NaN included: their label is
    finite and their weight 0. An instance whose root is unlabelled *and* has no depth in front of
    the camera has no relative depths either: all of its joints get weight 0, counted
    (``num_rootless``) and reported in the same way.

    Args:
        input_size (tuple[int, int]): (width, height) of the input in pixels.
        heatmap_size (tuple[int, int, int]): (width, height, depth) of the volume in voxels. Heads
            that regress the depth use the last one as unit only.
        depth_range (tuple[float, float]): Nearest and farthest depth relative to the root in
            millimetres, negative is nearer to the camera than the root.

    Raises:
        ValueError: Sizes that are not positive, a range that is empty or does not contain 0 (the
            root), or, when encoding, no 3D keypoints or labelled ones that are not finite.
    """

    auxiliary_encode_keys = {'keypoints_cam', 'root_index', 'flip', 'flip_direction',
                             'flip_indices', 'img_path'}

    def __init__(self, input_size: Sequence[int], heatmap_size: Sequence[int],
                 depth_range: Sequence[float]) -> None:
        if len(input_size) != 2 or min(input_size) <= 0:
            raise ValueError(f'input_size={tuple(input_size)} is not a positive (width, height)')
        if len(heatmap_size) != 3 or min(heatmap_size) <= 0:
            raise ValueError(f'heatmap_size={tuple(heatmap_size)} is not a positive '
                             '(width, height, depth)')
        if len(depth_range) != 2 or not depth_range[0] < 0 < depth_range[1]:
            raise ValueError(f'depth_range={tuple(depth_range)} is not (nearest, farthest) in '
                             'millimetres relative to the root, with nearest < 0 < farthest')
        if depth_range[1] - depth_range[0] < _LEAST_DEPTHS:
            raise ValueError(f'depth_range={tuple(depth_range)} is in millimetres, and no pose is '
                             f'thinner than {_LEAST_DEPTHS:g}: is it in metres? Multiply by 1000')
        self.input_size, self.heatmap_size = tuple(input_size), tuple(heatmap_size)
        self.depth_range = tuple(float(d) for d in depth_range)
        near, far = self.depth_range
        #: What the coordinates of a voxel mean; labels carry it, so that heads can compare.
        self.volume = self.input_size, self.heatmap_size, self.depth_range
        self._start = (-.5, -.5, near)
        self._length = (*map(float, input_size), far - near)
        self.num_depths = self.num_outside = self.num_instances = self.num_rootless = 0
        self._extremes = (0., 0.)

    def encode(self, keypoints: np.ndarray, keypoints_visible: np.ndarray | None = None,
               keypoints_cam: np.ndarray | None = None, root_index: int | None = None,
               flip: bool | None = None, flip_direction: str | None = None,
               flip_indices: Sequence[int] | None = None, img_path: str | None = None) -> dict:
        """Encode one sample, as ``GenerateTarget`` calls it.

        Args:
            keypoints (np.ndarray): (N, K, 2) input pixels, joints swapped if the image is mirrored.
            keypoints_visible (np.ndarray, optional): (N, K), 0 for unlabelled. Defaults to all 1.
            keypoints_cam (np.ndarray): (N, K, 3) mm, camera frame of the original image.
            root_index (int): The root joint.
            flip, flip_direction, flip_indices: Of MMPose's ``RandomFlip``.
            img_path (str, optional): Named in messages.

        Returns:
            dict: ``keypoint_labels`` (N, K, 3) float32, voxel coordinates (x, y, z),
            ``keypoint_weights`` (N, K) float32, and ``codec_volume``, see :attr:`volume`.
        """
        if keypoints_cam is None or root_index is None:
            raise ValueError(
                f'{img_path or "a sample"} has no keypoints_cam and root_index, which '
                f'{type(self).__name__} encodes: use a data set with cameras, such as '
                'CameraSpaceCocoDataset')
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2], np.float32)
        # MMPose swaps the joints of keypoints and keypoints_visible in these two flips
        order = list(flip_indices) if flip and flip_direction != 'diagonal' else slice(None)
        root = int(np.arange(keypoints.shape[1])[order][root_index])  # swaps are their own inverse
        root_depth = keypoints_cam[..., root_index, None, 2]
        rootless = (keypoints_visible[..., root, None] <= 0) & ~(root_depth > 0)
        depths = (keypoints_cam[..., 2] - np.where(rootless, 0, root_depth))[..., order]
        points = np.concatenate([keypoints[..., :2], depths[..., None]], -1).astype(np.float32)
        known, seen = np.isfinite(points).all(-1), (keypoints_visible > 0) & ~rootless
        if (seen & ~known).any():
            raise ValueError(
                f'{img_path or "a sample"}: joints {np.nonzero(seen & ~known)[1].tolist()} are '
                'labelled (keypoints_visible > 0), but their coordinates, or the depth of their '
                f'root ({root_index}), are not finite: correct them or mark them as unlabelled')
        # a weight of 0 does not remove NaN from a product
        voxels = self.to_voxels(np.where(np.isfinite(points), points, 0).astype(np.float32))
        inside = (voxels >= -.5) & (voxels <= np.array(self.heatmap_size) - .5)
        self._count_rootless(rootless, root_index, img_path)
        self._count(depths[seen], img_path)
        weights = (keypoints_visible * (seen & inside.all(-1))).astype(np.float32)
        return dict(keypoint_labels=voxels, keypoint_weights=weights, codec_volume=self.volume)

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode voxel coordinates.

        Args:
            encoded (np.ndarray): (N, K, 3) voxel coordinates.

        Returns:
            tuple[np.ndarray, np.ndarray]: (N, K, 3): x and y in input pixels, depth relative to the
            root in mm; and scores (N, K), all 1.
        """
        return self.from_voxels(encoded), np.ones(encoded.shape[:2], np.float32)

    def to_voxels(self, points: np.ndarray | Tensor) -> np.ndarray | Tensor:
        """(..., 3) input pixels and mm to voxel coordinates; arrays or tensors."""
        start, length, size = (self._like(points, v) for v in (
            self._start, self._length, self.heatmap_size))
        return (points - start) / length * size - .5

    def from_voxels(self, voxels: np.ndarray | Tensor) -> np.ndarray | Tensor:
        """(..., 3) voxel coordinates to input pixels and mm; arrays or tensors."""
        start, length, size = (self._like(voxels, v) for v in (
            self._start, self._length, self.heatmap_size))
        return (voxels + .5) / size * length + start

    @staticmethod
    def _like(points, values):
        return points.new_tensor(values) if isinstance(points, Tensor) else np.array(
            values, points.dtype)

    def _count(self, depths: np.ndarray, img_path: str | None) -> None:
        near, far = self.depth_range
        outside = int(((depths < near) | (depths > far)).sum())
        before = self.num_outside
        self.num_depths += depths.size
        self.num_outside += outside
        if not outside:
            return
        self._extremes = (min(self._extremes[0], float(depths.min())),
                          max(self._extremes[1], float(depths.max())))
        if _reaches_power_of_ten(before, self.num_outside):
            MMLogger.get_current_instance().warning(
                f'{self.num_outside} of {self.num_depths} depths are outside of depth_range='
                f'{self.depth_range} mm so far (extremes {self._extremes[0]:.0f} and '
                f'{self._extremes[1]:.0f} mm, last in {img_path or "a sample"}); these joints get '
                'weight 0. Widen depth_range of the codec if there are many')

    def _count_rootless(self, rootless: np.ndarray, root_index: int, img_path: str | None) -> None:
        before = self.num_rootless
        self.num_instances += len(rootless)
        self.num_rootless += int(rootless.sum())
        if _reaches_power_of_ten(before, self.num_rootless):
            MMLogger.get_current_instance().warning(
                f'{self.num_rootless} of {self.num_instances} instances have an unlabelled root '
                f'(joint {root_index}) without a depth so far (last in {img_path or "a sample"}): '
                'there are no depths relative to it, so all of their joints get weight 0. Label '
                'the root, name a labelled joint as root_index of the data set, or leave such '
                'instances out')


def _reaches_power_of_ten(before: int, now: int) -> bool:
    return now > before and (not before or len(str(now)) > len(str(before)))
