"""Miniature Panoptic Studio sequences: calibration with distortion, hands in world centimetres."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from ._hands import left_hand, mirrored_hand, picture

SIZE = (1920, 1080)
K = np.array([[1400., 0, 950], [0, 1395, 545], [0, 0, 1]])
DISTORTION = np.array([-0.28, 0.18, 0.0004, -0.0003, 0.02])


def write(root: Path, num: int = 6, seed: int = 0) -> dict:
    """Write two sequences of ``max(2, num // 3)`` frames, 10 apart, seen by two HD cameras.

    Each frame has one person with both hands.

    Returns:
        dict: ``(sequence, camera, frame, side)`` -> ``cam`` (21, 3) mm in that camera's frame and
        ``points`` (21, 2) pixels, by OpenCV's own projection.
    """
    root, rng, truth = Path(root), np.random.default_rng(seed), {}
    for sequence in ('171026_pose1', '171204_pose3'):
        cameras = []
        for node in range(2):
            turn = cv2.Rodrigues(np.array([0.1, 0.6 * node - 0.3, 0.05]))[0]
            cameras.append(dict(
                name=f'00_{node:02d}', type='hd', resolution=list(SIZE), panel=0, node=node,
                K=K.tolist(), distCoef=DISTORTION.tolist(), R=turn.tolist(),
                t=[[2. + 70 * node], [-3.], [270. + 20 * node]]))  # cm
        cameras.append(dict(cameras[0], name='01_01', type='vga', resolution=[640, 480]))
        folder = root / sequence
        (folder / 'hdHand3d').mkdir(parents=True, exist_ok=True)
        (folder / f'calibration_{sequence}.json').write_text(json.dumps(
            dict(calibDataSource='mini', cameras=cameras)))
        for i in range(max(2, num // 3)):
            frame = f'{100 + i:08d}'
            person, hands = dict(id=0), {}
            for side, joints, at in (('left_hand', left_hand(), (18, 8, 0)),
                                     ('right_hand', mirrored_hand(), (-22, -4, 5))):
                turn = cv2.Rodrigues(rng.uniform(-0.5, 0.5, 3))[0]
                hands[side] = joints / 10 @ turn.T + at + rng.uniform(-4, 4, 3)  # cm, the world
                person[side] = dict(
                    landmarks=hands[side].ravel().tolist(), averageScore=[0.7] * 21,
                    averageReproError=[1.] * 21, validity=[True] * 21, visibility=[[0, 1]] * 21)
            path = folder / f'hdHand3d/handRecon3D_hd{frame}.json'
            path.write_text(json.dumps(dict(version=0.5, fpsType='hd_29_97', people=[person])))
            for camera in cameras[:2]:
                seen = []
                for side, world in hands.items():
                    rotation, shift = np.array(camera['R']), np.array(camera['t'])
                    points = cv2.projectPoints(world, cv2.Rodrigues(rotation)[0], shift, K,
                                               DISTORTION)[0][:, 0]
                    truth[sequence, camera['name'], frame, side[:-5]] = dict(
                        cam=10 * (world @ rotation.T + shift.T), points=points)
                    seen.append(points)
                path = folder / f'hdImgs/{camera["name"]}/{camera["name"]}_{frame}.jpg'
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), picture(rng, np.concatenate(seen), SIZE, radius=3))
    return truth
