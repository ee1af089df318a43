"""A miniature of 3DPW: sequence files are pickles of Python 2."""
import pickle
import struct

import numpy as np

from ._people import people, picture, smpl24

WIDTH, HEIGHT = 480, 640
INTRINSICS = np.array([[700., 0, 240], [0, 700, 320], [0, 0, 1]])


class _Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2's str, as the published files have them."""

    dispatch = dict(pickle._Pickler.dispatch)

    def _save_str(self, value):
        value = value.encode('latin1') if isinstance(value, str) else value
        self.write(b'T' + struct.pack('<i', len(value)) + value)

    dispatch[bytes] = dispatch[str] = _save_str


def dump(content, path):
    """Write ``content`` as Python 2 would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'wb') as file:
        _Python2Pickler(file, protocol=2).dump(content)


def sequence(num, rng):
    """A sequence of two people, the second without a camera in its last frame, and its truth."""
    cam = np.stack([people(num, rng, (-450, -80, 3600), (-350, 80, 4000)),
                    people(num, rng, (350, -80, 3600), (450, 80, 4000))])
    turn = rng.uniform(-0.5, 0.5, num)
    extrinsics = np.tile(np.eye(4), (num, 1, 1))
    extrinsics[:, 0, 0] = extrinsics[:, 2, 2] = np.cos(turn)
    extrinsics[:, 0, 2], extrinsics[:, 2, 0] = np.sin(turn), -np.sin(turn)
    extrinsics[:, :3, 3] = rng.uniform(-1, 1, (num, 3))
    joints = smpl24(cam)
    # camera to world, metres: the inverse of R x + t
    world = (joints / 1000 - extrinsics[:, None, :3, 3]) @ extrinsics[:, :3, :3]
    pixels = cam @ INTRINSICS.T
    pixels = pixels[..., :2] / pixels[..., 2:]
    detected = np.zeros((2, num, 3, 18))
    detected[:, :, :2, :17] = pixels.swapaxes(-1, -2)
    detected[:, :, 2, :17] = 0.9
    detected[..., 17] = [-500, -500, 0]  # not detected: confidence 0, anywhere
    valid = np.ones((2, num), bool)
    valid[1, -1] = False
    content = dict(
        sequence='mini_00', betas=[np.zeros(10)] * 2, poses=[np.zeros((num, 72))] * 2,
        trans=[np.zeros((num, 3))] * 2, genders=['m', 'f'], poses2d=list(detected),
        jointPositions=list(world.reshape(2, num, 72)), img_frame_ids=2 * np.arange(num),
        cam_poses=extrinsics, campose_valid=list(valid), cam_intrinsics=INTRINSICS)
    return content, dict(cam=cam, pixels=pixels, valid=valid)


def write(root, num=6, seed=0):
    """One sequence of ``num // 2 + 1`` frames with two people per split."""
    rng = np.random.default_rng(seed)
    truth = {}
    for split, folder in (('train', 'train'), ('val', 'validation'), ('test', 'test')):
        content, truth[split] = sequence(num // 2 + 1, rng)
        content['sequence'] = name = f'mini_{split}_00'
        dump(content, root / 'sequenceFiles' / folder / f'{name}.pkl')
        for frame, points in enumerate(truth[split]['pixels'].swapaxes(0, 1)):
            picture(root / 'imageFiles' / name / f'image_{frame:05d}.jpg', WIDTH, HEIGHT,
                    points.reshape(-1, 2), rng)
    return truth
