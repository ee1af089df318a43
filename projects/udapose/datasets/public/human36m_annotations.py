"""The 3DMPPE annotations of Human3.6M: images, cameras and poses of a subject."""
from __future__ import annotations

import os.path as osp
from dataclasses import dataclass

import numpy as np

from ..image_headers import read_image_size
from ..json_files import load_json
from .body_cameras import pinhole_matrix

#: Side of the crops that the published code writes, pixels.
CROP_SIZE = 512
#: Of the entries of ``images``, this one in so many is used.
EVERY = 5


@dataclass
class Human36mSubject:
    """The used images of a subject, in the order of the file.

    Attributes:
        names (list[str]): N file names, below the folder of the images.
        sizes (np.ndarray): (N, 2) int, width and height in pixels.
        camera_joints (np.ndarray): (N, 17, 3) float32, camera space, mm, Human3.6M's order.
        intrinsics (np.ndarray): (C, 3, 3) float64, pixels, without distortion.
        camera_of (np.ndarray): (N,) int, row of ``intrinsics``.
    """

    names: list[str]
    sizes: np.ndarray
    camera_joints: np.ndarray
    intrinsics: np.ndarray
    camera_of: np.ndarray


def read_subject(dataset, subject: int) -> Human36mSubject:
    """Read every fifth image entry of a subject.

    Args:
        dataset (PublicPoseDataset): Finds the files (``path`` and ``require``).
        subject (int): For example 9.

    Raises:
        FileNotFoundError: An annotation file does not exist.
        ValueError: A camera or pose that an image needs is missing, or has another shape.
    """
    cameras, data, poses = (load_json(dataset.require(
        'annotations', f'Human36M_subject{subject}_{kind}.json'))
        for kind in ('camera', 'data', 'joint_3d'))
    where = dataset.path('annotations', f'Human36M_subject{subject}_*.json')
    if not isinstance(data, dict) or not data.get('images'):
        raise ValueError(f'{where}: the data file lists no "images"')
    images = data['images'][::EVERY]
    try:
        world = np.array([poses[str(i['action_idx'])][str(i['subaction_idx'])][str(i['frame_idx'])]
                          for i in images], np.float64)
        names = [i['file_name'] for i in images]
        used = sorted({str(i['cam_idx']) for i in images})
        turn, shift, focal, centre = (np.array([np.ravel(cameras[c][key]) for c in used], float)
                                      for key in 'Rtfc')
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{where}: an image has no pose, no camera or no name ({type(error).__name__}: '
            f'{error}): files of different versions, or not of 3DMPPE?') from None
    if world.shape[1:] != (17, 3) or turn.shape[1] != 9 or shift.shape[1] != 3:
        raise ValueError(f'{where}: poses {world.shape[1:]}, R {turn.shape[1:]}, '
                         f't {shift.shape[1:]} instead of 17 x 3, 3 x 3 and 3')
    row = {camera: n for n, camera in enumerate(used)}
    camera_of = np.array([row[str(i['cam_idx'])] for i in images])
    rotations = turn.reshape(-1, 3, 3)
    joints = np.einsum('nij,nkj->nki', rotations[camera_of], world) + shift[camera_of][:, None]
    behind = (joints[..., 2] <= 0).any(-1)
    if behind.any():
        raise ValueError(f'{where}: {int(behind.sum())} poses lie behind their camera: poses must '
                         'be in world millimetres, and t that of X_camera = R X_world + t')
    intrinsics = np.stack([pinhole_matrix(f[:2], c[:2]) for f, c in zip(focal, centre)])
    return Human36mSubject(names, _sizes(dataset, images), joints.astype(np.float32), intrinsics,
                           camera_of)


def _sizes(dataset, images: list[dict]) -> np.ndarray:
    if all('width' in i and 'height' in i for i in images):
        return np.array([(i['width'], i['height']) for i in images], int)
    # by camera: all pictures of a camera have one size
    known: dict = {}
    for i in images:
        if i['cam_idx'] not in known:
            path = next((p for p in (dataset.path(folder, i['file_name'])
                                     for folder in ('images', 'images/images')) if osp.exists(p)),
                        None)
            if path:
                known[i['cam_idx']] = read_image_size(path)
    # missing images are reported by the base class: any size will do
    return np.array([known.get(i['cam_idx'], (1000, 1000)) for i in images], int)
