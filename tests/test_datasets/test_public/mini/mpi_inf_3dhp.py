"""A miniature of MPI-INF-3DHP: what MMPose's converter writes, and the test set's own files."""
import pickle

import numpy as np

from ._people import people, picture

FOCAL, CENTRE = np.array([[1500.], [1500.6]]), np.array([[1017.4], [1043.]])
# joint of the data set -> joint of body17, by name
ORDER = ('head', 'thorax', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder',
         'left_elbow', 'left_wrist', 'right_hip', 'right_knee', 'right_foot', 'left_hip',
         'left_knee', 'left_foot', 'root', 'spine', 'neck_base')
UNIVERSAL = 0.9  # of the true size


def write(root, num=6, seed=0):
    """``num`` train and test images; each second test frame is not valid and has no image."""
    from udapose.joint_sets import JOINT_SETS
    names17 = JOINT_SETS['body17'].names
    native = [names17.index(n) for n in ORDER]
    rng = np.random.default_rng(seed)
    truth = {}
    (root / 'annotations').mkdir(parents=True, exist_ok=True)
    for split, file in (('train', 'train'), ('test', 'test_valid')):
        cam = people(num, rng, (-300, -100, 3300), (300, 100, 4500))
        pixels = cam[..., :2] / cam[..., 2:] * FOCAL[:, 0] + CENTRE[:, 0]
        names, cameras = [], {}
        for i in range(num):
            if split == 'train':
                key, frame = f'S{i % 8 + 1}_Seq1_Cam0', i
                # h is 204 in published files: a digit was cut off
                camera = dict(R=np.eye(3), T=np.zeros((3, 1)), w=2048., h=204.)
            else:
                key, frame = f'TS{1 + i % 2}', 2 * (i // 2)
                camera = dict(w=2048, h=2048)
            cameras[key] = dict(camera, f=FOCAL, c=CENTRE, name=key)
            names.append(f'{key}_{frame + 1:06d}.jpg')
            picture(root / 'images' / names[-1], 2048, 2048, pixels[i], rng)
        flags = ((pixels >= 0) & (pixels < 2048)).all(-1)[..., None].astype(float)
        low, high = pixels.min(1), pixels.max(1)
        np.savez(root / f'annotations/mpi_inf_3dhp_{file}.npz', imgname=np.array(names),
                 center=(low + high) / 2, scale=1.2 * (high - low).max(1) / 200,
                 part=np.concatenate([pixels, flags], -1)[:, native],
                 S=np.concatenate([cam / 1000, flags], -1)[:, native])
        with open(root / f'annotations/cameras_{split}.pkl', 'wb') as out:
            pickle.dump(cameras, out)
        truth[split] = dict(cam=cam, pixels=pixels, names=names)
    _write_raw(root, truth['test'], native)
    return truth


def _write_raw(root, test, native):
    try:
        import h5py
    except ImportError:
        return
    for key in sorted({name[:3] for name in test['names']}):
        members = [i for i, name in enumerate(test['names']) if name[:3] == key]
        frames = 2 * len(members)
        poses, valid = np.zeros((frames, 1, 17, 3)), np.zeros((frames, 1))
        poses[::2, 0] = test['cam'][members][:, native] * UNIVERSAL
        valid[::2] = 1
        folder = root / 'test' / key
        folder.mkdir(parents=True, exist_ok=True)
        with h5py.File(folder / 'annot_data.mat', 'w') as file:
            file['univ_annot3'], file['valid_frame'] = poses, valid
            file['annot3'] = poses / UNIVERSAL
