"""GANerated Hands (Mueller et al., 2018)."""
from __future__ import annotations

import os
import os.path as osp
from collections.abc import Iterable, Sequence

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import JOINT_SETS
from ..text_files import read_lines
from .crops import square_keypoint_box
from .hand_base import PublicHandDataset

_SIZE = (256, 256)
_CAMERA = np.array([[617.173, 0, 315.453], [0, 617.173, 242.259], [0, 0, 1]])  # 640x480
_IMAGE = '_color_composed.png'
#: Label files of a frame: suffix -> (name in the packed file, shape).
LABELS = {'_joint2D.txt': ('keypoints', (21, 2)), '_joint_pos_global.txt': ('keypoints_cam',
                                                                            (21, 3)),
          '_crop_params.txt': ('crops', (3, ))}
PACKED = 'udapose_labels.npz'


@DATASETS.register_module()
class GANeratedHandsDataset(PublicHandDataset):
    """GANerated: left hands with 3D joints (mm) and the camera of each 256x256 crop.

    The labels are three small text files a frame, up to a million in all:
    ``udapose convert ganerated`` puts them into one file beside the data, which is
    then read instead.

    Args:
        data_root (str): ``GANeratedHands_Release``.
        split (str): No split was published. ``'test'`` is the last tenth of the partitions of each
            folder, at least one; ``'train'`` the others.
        objects (Sequence[str]): Some of ``'noObject'`` and ``'withObject'``. Defaults to both.
        **kwargs: Those of :class:`PublicHandDataset`, for example ``hand``; the only ``protocol``
            is ``'clean'``.

    Raises:
        ValueError: Unknown ``objects``; fewer than two partitions; label files that are missing,
            damaged or too many.
    """

    METAINFO = JOINT_SETS['hand21'].metainfo(
        'ganerated_hands', title='GANerated Hands for Real-Time 3D Hand Tracking from Monocular '
        'RGB', author='Mueller, Franziska and others', container='CVPR', year='2018',
        homepage='https://handtracker.mpi-inf.mpg.de/projects/GANeratedHands/'
        'GANeratedDataset.htm')
    PROTOCOLS = ('clean', )
    TREE = ('GANeratedHands_Release/\n'
            '  data/noObject/0001/0001_color_composed.png  0001_joint2D.txt\n'
            '                     0001_joint_pos_global.txt  0001_crop_params.txt ...\n'
            '  data/withObject/0001/...')

    def __init__(self, data_root: str, *args,
                 objects: Sequence[str] = ('noObject', 'withObject'), **kwargs) -> None:
        objects = (objects, ) if isinstance(objects, str) else tuple(objects)
        if not objects or any(o not in ('noObject', 'withObject') for o in objects):
            raise ValueError(f'GANeratedHandsDataset: objects={objects} should be some of '
                             "('noObject', 'withObject')")
        self.objects = objects
        super().__init__(data_root, *args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        labels = self._packed() if osp.exists(self.path(PACKED)) else None
        for kind in self.objects:
            if labels is None:
                parts = list_partitions(self.require('data', kind))
            else:
                parts = sorted({p for k, p in labels['partitions'] if k == kind})
            if len(parts) < 2:
                raise ValueError(f'{self._name()}: data/{kind} has {len(parts)} partitions, at '
                                 'least 2 are needed to hold some out')
            held = parts[-max(1, len(parts) // 10):]
            for part in held if self.split == 'test' else parts[:-len(held)]:
                if labels is None:
                    frames, values = read_partition(self.path('data', kind, part))
                else:
                    frames, values = labels['partitions'][kind, part]
                points, cam, crops = values
                yield from self.instances(
                    [self.path('data', kind, part, frame + _IMAGE) for frame in frames], points,
                    True, _SIZE, boxes=square_keypoint_box(points, _SIZE), cam=cam,
                    intrinsics=crop_intrinsics(crops))

    def _packed(self) -> dict:
        path = self.path(PACKED)
        try:
            with np.load(path) as file:
                frames, values = file['frames'], [file[name] for name, _ in LABELS.values()]
        except Exception as error:  # zip's and NumPy's errors on damaged files are many
            raise ValueError(f'{path} is damaged ({type(error).__name__}: {error}): write it again '
                             'with `udapose convert ganerated`, or remove it') \
                from None
        if any(len(v) != len(frames) for v in values):
            raise ValueError(f'{path}: its lists have different lengths, write it again')
        out, parts = {}, np.array([f.rsplit('/', 1)[0] for f in frames.tolist()])
        starts = np.flatnonzero(np.r_[True, parts[1:] != parts[:-1]]) if len(parts) else []
        for start, end in zip(starts, [*starts[1:], len(parts)]):
            names = [f.rsplit('/', 1)[1] for f in frames[start:end].tolist()]
            out[tuple(parts[start].split('/'))] = names, [v[start:end] for v in values]
        return dict(partitions=out)


def list_partitions(folder: str) -> list[str]:
    """The partitions of a folder: its subfolders with a number as their name, sorted."""
    return sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name.isdigit())


def read_partition(folder: str) -> tuple[list[str], list[np.ndarray]]:
    """Read a partition's label files.

    Args:
        folder (str): For example ``data/noObject/0001``.

    Returns:
        tuple:
        - frames (list[str]): Their N numbers as in the names of the files, sorted.
        - values (list[np.ndarray]): float32; keypoints (N, 21, 2) pixels of the crop, joints
          (N, 21, 3) mm in the camera frame, crops (N, 3): corner in pixels, scale.

    Raises:
        ValueError: Frames lack a label file (or have one, but no image); a file holds another
            number of numbers.
    """
    names = os.listdir(folder)
    frames = {suffix: sorted(n[:-len(suffix)] for n in names if n.endswith(suffix))
              for suffix in (_IMAGE, *LABELS)}
    wanted = frames[_IMAGE]
    for suffix, found in frames.items():
        odd = sorted(set(found) ^ set(wanted))
        if odd:
            raise ValueError(
                f'{folder}: {len(wanted)} images, but {len(found)} files *{suffix}; they differ in '
                f'frame {odd[0]}. Is the archive extracted completely?')
    values = []
    for suffix, (_, shape) in LABELS.items():
        rows = np.empty((len(wanted), int(np.prod(shape))), np.float32)
        for i, frame in enumerate(wanted):
            path = osp.join(folder, frame + suffix)
            numbers = ','.join(read_lines(path)).strip(', ').split(',')
            try:
                rows[i] = np.array(numbers, np.float32)
            except ValueError:
                raise ValueError(f'{path} should hold {rows.shape[1]} numbers between commas, it '
                                 f'has {len(numbers)} entries') from None
        values.append(rows.reshape(-1, *shape))
    return wanted, values


def crop_intrinsics(crops: np.ndarray) -> np.ndarray:
    """Intrinsics of the 256x256 crops: u' = scale (u - corner).

    Args:
        crops (np.ndarray): (N, 3) corner u, v in pixels of the original 640x480 image, scale.

    Returns:
        np.ndarray: (N, 3, 3) float64, pixels of the crop.
    """
    crops = np.asarray(crops, np.float64)
    matrices = np.tile(_CAMERA, (len(crops), 1, 1))
    matrices[:, :2, 2] -= crops[:, :2]
    matrices[:, :2] *= crops[:, 2, None, None]
    return matrices
