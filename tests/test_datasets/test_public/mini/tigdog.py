"""A miniature TigDog in the original format, with the published split files."""
import cv2
import numpy as np
from mini.animal_pictures import picture, spread
from scipy.io import savemat

SIZE = 160, 120
#: New to old rows of the tigers, counted from 1, as the published code gives them
TIGER_ROWS = (*range(1, 9), 15, 16, 17, 18, 13, 14, 9, 10, 11, 12)
SHOTS = 11, 2, 7, 5
WITHOUT_LANDMARKS = 2


def write(root, num=6, seed=0):
    """Write four shots of ``num // 2`` frames of each species, one of them without landmarks.

    The first frame of each shot with landmarks lacks some joints; the last frame of shot 11 has
    none and is in neither part of the split. One joint of each other frame is not visible, but has
    coordinates.

    Returns:
        dict: Species to ``frames``, ``shots``, ``points`` (N, 18, 2) in the joint set's order,
        ``positive``, ``visible`` (N, 18), and ``train`` and ``test`` indices; N counts the frames
        of shots with landmarks.
    """
    rng = np.random.default_rng(seed)
    base = root / 'behaviorDiscovery2.0'
    length = max(2, num // 2)
    truth = {}
    for species in ('horse', 'tiger'):
        for folder in (species, f'ranges/{species}', f'landmarks/{species}'):
            (base / folder).mkdir(parents=True)
        rows, start, kept = [], 300, {k: [] for k in ('frames', 'shots', 'points', 'positive',
                                                      'visible')}
        for shot in SHOTS:
            rows.append((shot, start, start + length - 1))
            cells = np.empty((length, 1), object)
            for n in range(length):
                points, positive = spread(rng, 18, SIZE), np.ones(18, bool)
                if n == 0:
                    positive[rng.permutation(18)[:5]] = False
                if shot == SHOTS[0] and n == length - 1:
                    positive[:] = False
                visible = positive.copy()
                visible[4] = False
                points[~positive] = rng.choice([0, -1])
                cv2.imwrite(str(base / f'{species}/{start + n:08d}.jpg'),
                            picture(rng, SIZE, points, positive), [cv2.IMWRITE_JPEG_QUALITY, 98])
                # one landmark more than is used: the neck
                rows_in_file = np.full((19, 3), 33.)
                native = np.arange(18) if species == 'horse' else np.array(TIGER_ROWS) - 1
                rows_in_file[native] = np.column_stack([points, visible])
                cells[n, 0] = dict(coord=rows_in_file[:, :2], vis=np.uint8(rows_in_file[:, 2:]))
                if shot != WITHOUT_LANDMARKS:
                    for key, value in dict(frames=start + n, shots=shot, points=points,
                                           positive=positive, visible=visible).items():
                        kept[key].append(value)
            if shot != WITHOUT_LANDMARKS:
                savemat(base / f'landmarks/{species}/{shot}.mat', dict(landmarks=cells))
            start += length + 40
        savemat(base / f'ranges/{species}/ranges.mat', dict(ranges=np.array(rows, np.uint16)))
        kept = {key: np.array(value) for key, value in kept.items()}
        usable = kept['positive'].any(-1)
        split = dict(train=np.flatnonzero(usable & (kept['shots'] != SHOTS[-1])),
                     test=np.flatnonzero(usable & (kept['shots'] == SHOTS[-1])))
        cached = root / f'cached_data/real_animal/{species}'
        cached.mkdir(parents=True)
        np.save(cached / 'train_idxs_by_video.npy', split['train'])
        np.save(cached / 'valid_idxs_by_video.npy', split['test'])
        truth[species] = dict(kept, **split)
    return truth
