"""A miniature of SURREAL: the processed release, and the original one (mp4 and mat)."""
import json

import cv2
import numpy as np
from scipy.io import savemat

from . import _body_pictures as pictures

# SMPL's joint that each of the 16 joints is; written out again, from the table of the protocol
SMPL_OF = dict(right_ankle=7, right_knee=4, right_hip=1, left_hip=2, left_knee=5, left_ankle=8,
               pelvis=0, thorax=9, upper_neck=12, head_top=15, right_wrist=20, right_elbow=18,
               right_shoulder=13, left_shoulder=14, left_elbow=19, left_wrist=21)
K = np.array([[600., 0, 160], [0, 600, 120], [0, 0, 1]])


def smpl_people(rng, num):
    """(num, 24, 3) metres in the camera's frame."""
    body = pictures.people(rng, num)
    out = np.repeat(body[:, 6:7], 24, 1) + rng.normal(0, .02, (num, 24, 3))
    out[:, list(SMPL_OF.values())] = body
    return out


def write(root, num=6, seed=0):
    """The processed release: ``num`` images in each of 3 runs of 3 splits.

    Returns:
        dict: split -> list over all three runs of (relative path, (24, 2) pixels).
    """
    rng, truth = np.random.default_rng(seed), {}
    for split in ('train', 'val', 'test'):
        truth[split] = []
        for run in range(3):
            entries = []
            (root / split / f'run{run}').mkdir(parents=True)
            for i, pose in enumerate(smpl_people(rng, num)):
                side = 96 + 4 * i
                camera = np.array([[2.5 * side, 0, side / 2], [0, 2.5 * side, side / 2], [0, 0, 1]])
                pose = pose + (0, 0, 7)
                uv = pose @ camera.T
                uv = uv[:, :2] / uv[:, 2:]
                name = f'{split}{run}_{i:02d}.jpg'
                image = pictures.picture(rng, side, side, uv[list(SMPL_OF.values())])
                pictures.save(root / split / f'run{run}' / name, image)
                entries.append(dict(name=name, keypoint2d=uv.tolist(), keypoint3d=pose.tolist(),
                                    intrinsic_matrix=camera.tolist()))
                truth[split].append((f'{split}/run{run}/{name}', uv))
            (root / split / f'run{run}.json').write_text(json.dumps(entries))
    return truth


def write_raw(root, frames=(5, 1), seed=0):
    """The original release: one clip of ``frames[i]`` frames in ``train/run0/01_0{i}``.

    Returns:
        dict: clip name -> dict(camera (T, 24, 3) metres, pixels (T, 24, 2)).
    """
    rng, truth = np.random.default_rng(seed), {}
    for number, count in enumerate(frames):
        folder = root / f'train/run0/01_{number:02d}'
        folder.mkdir(parents=True)
        clip = f'01_{number:02d}_c0001'
        location = np.array([7.1 + .2 * number, -1., .3])
        camera = smpl_people(rng, count) + (0, 0, 7)
        uv = camera @ K.T
        uv = uv[..., :2] / uv[..., 2:]
        # the camera looks along -x of the world, its x axis is the world's -z
        world = np.stack([location[0] - camera[..., 2], camera[..., 1] + location[1],
                          location[2] - camera[..., 0]], -1)
        save = dict(joints2D=np.round(uv).transpose(2, 1, 0), joints3D=world.transpose(2, 1, 0),
                    camLoc=location[:, None], gender=np.ones((count, 1)))
        if count == 1:  # as MATLAB does, and then the release
            save.update(joints2D=save['joints2D'][..., 0], joints3D=save['joints3D'][..., 0])
        savemat(folder / f'{clip}_info.mat', save)
        video = cv2.VideoWriter(str(folder / f'{clip}.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 25,
                                (320, 240))
        for pose in uv:
            video.write(pictures.picture(rng, 320, 240, pose[list(SMPL_OF.values())]))
        video.release()
        truth[clip] = dict(camera=camera, pixels=uv)
    return truth
