"""What the readers of hands share: one handedness, the published box, checks of 3D labels."""
from __future__ import annotations

import os.path as osp
from collections.abc import Iterable, Sequence

import numpy as np

from ...codecs.camera_geometry import project
from ..image_headers import read_image_size
from .base import PublicPoseDataset, mirrored
from .crops import square_keypoint_box

_MIDDLE_MCP = 9
# An adult's wrist is about 90 mm from the knuckle of the middle finger (from the centre of the
# palm 45 mm); wrong units are off by a factor of 10 or 1000.
_PALM_MM = (20., 250.)
_MOST_WRONG = 0.5


class PublicHandDataset(PublicPoseDataset):
    """Base of the readers of hands, whose handedness it unifies by mirroring.

    Args:
        data_root (str): See :class:`PublicPoseDataset`.
        split (str): One of ``SPLITS``.
        protocol (str, optional): One of ``PROTOCOLS``; the first one by default.
        hand (str): ``'left'``: right hands are mirrored, as in the published 2D benchmarks;
            ``'right'``: left ones are; ``'as_is'``: none. Items tell by ``recorded_hand`` what the
            camera saw. Defaults to ``'left'``.
        **kwargs: Those of :class:`PublicPoseDataset`.

    Raises:
        ValueError: Unknown ``hand``; images of another size than the data set's; 3D joints whose
            unit or camera cannot be right.
    """

    JOINT_SET = 'hand21'

    def __init__(self, data_root: str, split: str = 'train', protocol: str | None = None,
                 hand: str = 'left', **kwargs) -> None:
        if hand not in ('left', 'right', 'as_is'):
            raise ValueError(f"{type(self).__name__}: hand={hand!r} is not 'left', 'right' or "
                             "'as_is'")
        self.hand = hand
        super().__init__(data_root, split, protocol or self.PROTOCOLS[0], **kwargs)

    def unified(self, instance: dict, is_left: bool, width: int) -> dict:
        """The instance as a hand of the wanted side.

        Args:
            instance (dict): As from ``load_instances``.
            is_left (bool): What the camera saw.
            width (int): Of the image, pixels.
        """
        instance = dict(instance, recorded_hand='left' if is_left else 'right')
        if self.hand == 'as_is' or bool(is_left) == (self.hand == 'left'):
            return instance
        return mirrored(instance, width)

    def instances(self, paths: Sequence[str], keypoints: np.ndarray, is_left: np.ndarray | bool,
                  image_size: tuple[int, int], visible: np.ndarray | None = None,
                  boxes: np.ndarray | None = None, cam: np.ndarray | None = None,
                  intrinsics: np.ndarray | None = None, **more: Sequence) -> Iterable[dict]:
        """Check arrays of labels and make instances of them.

        Args:
            paths (Sequence[str]): N images.
            keypoints (np.ndarray): (N, 21, 2) pixels.
            is_left (np.ndarray | bool): (N,).
            image_size (tuple[int, int]): (width, height) of all images, pixels.
            visible (np.ndarray, optional): (N, 21), > 0 = labelled. Defaults to all.
            boxes (np.ndarray, optional): (N, 4) xyxy. Defaults to :func:`published_hand_box`.
            cam (np.ndarray, optional): (N, 21, 3) mm, camera frame.
            intrinsics (np.ndarray, optional): (N, 3, 3) or (3, 3), pixels.
            **more (Sequence): Further keys, N values each.

        Yields:
            dict: See :meth:`PublicPoseDataset.load_instances`.
        """
        number = len(paths)
        visible = np.ones(keypoints.shape[:2], np.float32) if visible is None else visible
        if boxes is None:
            boxes = published_hand_box(keypoints, image_size)
        is_left = np.broadcast_to(is_left, (number, ))
        if number:
            self.check_image_size(paths[0], image_size)
        if cam is not None and number:
            intrinsics = np.broadcast_to(intrinsics, (number, 3, 3))
            self.check_hands(cam)
            self.check_projection(keypoints, cam, intrinsics, visible, paths)
        for i in range(number):
            instance = dict(
                img_path=paths[i], keypoints=keypoints[i], keypoints_visible=visible[i],
                bbox=boxes[i], image_size=tuple(image_size),
                **{key: values[i] for key, values in more.items() if values[i] is not None})
            if cam is not None:
                instance.update(keypoints_cam=cam[i], intrinsics=intrinsics[i])
            yield self.unified(instance, is_left[i], image_size[0])

    def check_image_size(self, path: str, image_size: tuple[int, int]) -> None:
        """Refuse resized copies of a data set, to which the labels do not belong."""
        if not osp.isfile(path):
            return  # the base reports missing images, all at once
        size = read_image_size(path)
        if tuple(size) != tuple(image_size):
            raise ValueError(
                f'{self._name()}: image {path} is {size[0]}x{size[1]}, the labels are for '
                f'{image_size[0]}x{image_size[1]}: use the images as they were published')

    def check_hands(self, cam: np.ndarray) -> None:
        """Refuse 3D joints that are not in millimetres, or behind the camera.

        Args:
            cam (np.ndarray): (N, 21, 3) camera frame.
        """
        palms = np.linalg.norm(cam[:, 0] - cam[:, _MIDDLE_MCP], axis=-1)
        if not np.isfinite(palms).any():
            raise ValueError(
                f'{self._name()}: in none of the {len(cam)} hands are both the wrist and the '
                'knuckle of the middle finger labelled (they are null or not finite), so neither '
                'root nor unit is known: the files are damaged')
        palm = float(np.median(palms[np.isfinite(palms)]))
        if not _PALM_MM[0] < palm < _PALM_MM[1]:
            raise ValueError(
                f'{self._name()}: from the wrist to the knuckle of the middle finger it is '
                f'{palm:.4g} mm (median of {len(cam)} hands), which no hand is: the labels have '
                'another unit than documented (see docs/data_hands.md)')
        behind = (cam[..., 2] <= 0).any(-1)
        if behind.mean() > _MOST_WRONG:
            raise ValueError(f'{self._name()}: {behind.sum()} of {len(cam)} hands are behind the '
                             'camera (z <= 0): the camera frame is not x right, y down, z forward')
        self.count('hands with joints behind the camera (kept)', int(behind.sum()))

    def check_projection(self, keypoints: np.ndarray, cam: np.ndarray, intrinsics: np.ndarray,
                         visible: np.ndarray, paths: Sequence[str]) -> None:
        """Count hands whose 3D joints miss their keypoints by over a pixel; refuse if most do.

        Args:
            keypoints (np.ndarray): (N, 21, 2) pixels.
            cam (np.ndarray): (N, 21, 3) mm.
            intrinsics (np.ndarray): (N, 3, 3) pixels.
            visible (np.ndarray): (N, 21); unlabelled joints are not compared.
            paths (Sequence[str]): N images, for the message.
        """
        with np.errstate(divide='ignore', invalid='ignore'):
            errors = np.linalg.norm(project(cam.astype(np.float64), intrinsics) - keypoints,
                                    axis=-1)
        worst = np.where((visible > 0) & np.isfinite(errors), errors, 0).max(-1)
        wrong = worst > 1
        if wrong.mean() > _MOST_WRONG:
            first = int(np.argmax(wrong))
            raise ValueError(
                f'{self._name()}: of {wrong.sum()} of {len(wrong)} hands the 3D joints do not '
                f'project onto the keypoints, of {paths[first]} by {worst[first]:.1f} pixels: '
                'cameras, 2D and 3D labels are of different versions')
        self.count('hands whose 3D joints miss their keypoints by over a pixel (kept)',
                   int(wrong.sum()))


def published_hand_box(keypoints: np.ndarray, image_size: Sequence[int]) -> np.ndarray:
    """The box that the published 2D benchmarks crop of RHD and FreiHAND.

    That of :func:`square_keypoint_box`, whose last column and row the original code loses.

    Args:
        keypoints (np.ndarray): (..., K, 2) pixels.
        image_size (Sequence[int]): (width, height), pixels.

    Returns:
        np.ndarray: (..., 4) float32, xyxy edges, pixels.
    """
    box = square_keypoint_box(keypoints, image_size)
    box[..., 2:] -= 1
    return box
