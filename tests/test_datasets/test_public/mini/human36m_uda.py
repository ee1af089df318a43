"""A miniature of Human3.6M with the annotations of 3DMPPE."""
import json

import numpy as np

from . import _body_pictures as pictures

SUBJECTS = (1, 5, 6, 7, 8, 9, 11)
WIDTH, HEIGHT = 100, 102


def native(body):
    """(N, 16, 3) in the order of the protocol to (N, 17, 3) in Human3.6M's."""
    out = np.zeros((len(body), 17, 3))
    out[:, [3, 2, 1, 4, 5, 6, 0, 8, 10, 16, 15, 14, 11, 12, 13]] = \
        body[:, [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15]]
    out[:, 7], out[:, 9] = (out[:, 0] + out[:, 8]) / 2, (out[:, 8] + out[:, 10]) / 2
    return out


def write(root, num=6, seed=0, images='images', with_sizes=True):
    """Annotations of seven subjects, 5 x ``num`` image entries each, of which ``num`` are used.

    Only the images of used entries are written, scaled to a tenth of the original size.

    Returns:
        dict: subject -> dict(names, pixels (num, 16, 2), camera (num, 16, 3) mm, K (num, 3, 3)).
    """
    rng, truth = np.random.default_rng(seed), {}
    (root / 'annotations').mkdir(parents=True)
    for subject in SUBJECTS:
        cameras, matrices = {}, []
        for n in range(2):
            angle = .4 * n - .2
            turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0],
                             [-np.sin(angle), 0, np.cos(angle)]])
            cameras[str(n + 1)] = dict(R=turn.tolist(), t=[20. * n, 10., 5000. + 100 * n],
                                       f=[114.5, 114.4], c=[51.2 - n, 51.5])
            matrices.append([[114.5, 0, 51.2 - n], [0, 114.4, 51.5], [0, 0, 1]])
        used = dict(names=[], pixels=[], camera=[], K=[])
        entries, poses = [], {}
        body = pictures.people(rng, 5 * num) * 1000
        world = native(body)
        for i in range(5 * num):
            n, action, frame = i // 5 % 2, 2 + i % 3, 5 * i
            poses.setdefault(str(action), {}).setdefault('1', {})[str(frame)] = world[i].tolist()
            name = f's_{subject:02d}_act_{action:02d}/s_{subject:02d}_{i:06d}.jpg'
            entries.append(dict(id=i, file_name=name, action_idx=action, subaction_idx=1,
                                frame_idx=frame, cam_idx=n + 1, subject=subject))
            if with_sizes:
                entries[-1].update(width=WIDTH, height=HEIGHT)
            if i % 5:
                continue
            camera = cameras[str(n + 1)]
            points = np.array([np.array(camera['R']) @ p + camera['t'] for p in body[i]])
            uv = points @ np.array(matrices[n]).T
            uv = uv[:, :2] / uv[:, 2:]
            path = root / images / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pictures.save(path, pictures.picture(rng, WIDTH, HEIGHT, uv))
            for key, value in (('names', name), ('pixels', uv), ('camera', points),
                               ('K', matrices[n])):
                used[key].append(value)
        for kind, content in (('camera', cameras), ('data', dict(images=entries)),
                              ('joint_3d', poses)):
            (root / f'annotations/Human36M_subject{subject}_{kind}.json').write_text(
                json.dumps(content))
        truth[subject] = {key: np.array(value) for key, value in used.items()}
    return truth
