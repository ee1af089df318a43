"""What the tests of the readers of people in 3D share."""
import os
from pathlib import Path

import numpy as np
from mini import human36m_3d, mpi_inf_3dhp, surreal_3d, three_dpw
from mmpose.registry import DATASETS

from udapose.codecs.camera_geometry import project
from udapose.evaluation.pose3d import project as project_triangular
from udapose.joint_sets import JOINT_SETS

SAMPLES = Path(os.environ.get('UDAPOSE_TEST_DATA', '/nonexistent')) / 'mmpose_samples'
NAMES = JOINT_SETS['body17'].names
READERS = dict(Human36m3DDataset=human36m_3d, MPIINF3DHPDataset=mpi_inf_3dhp,
               ThreeDPWDataset=three_dpw, Surreal3DDataset=surreal_3d)
# 3DPW and SURREAL have no top of the head
LABELLED = dict(Human36m3DDataset=17, MPIINF3DHPDataset=17, ThreeDPWDataset=16,
                Surreal3DDataset=16)


def build(name, root, **kwargs):
    # not serialised: items are read from data_list, as each data[i] copies the whole metainfo
    return DATASETS.build(dict(type=name, data_root=str(root), serialize_data=False, **kwargs))


def paths(data):
    return [info['img_path'] for info in data.data_list]


def reprojection(info):
    seen = info['keypoints_visible'][0] > 0
    cam, matrix = info['keypoints_cam'][0, seen].astype(float), info['intrinsics'].astype(float)
    points = project(cam, matrix)
    np.testing.assert_allclose(project_triangular(cam, matrix), points, atol=1e-6)
    return np.linalg.norm(points - info['keypoints'][0, seen], axis=-1).max()


def edit(root, source, relative, change):
    """Copy a mini data set by links and replace one of its files by ``change(old file)``."""
    for path in source.rglob('*'):
        if path.is_file():
            target = root / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    path = root / relative
    path.unlink()
    change(source / relative, path)
    return root


def edit_npz(root, source, relative, **changes):
    def change(old, new):
        data = dict(np.load(old))
        np.savez(new, **{k: changes[k](v) if k in changes else v for k, v in data.items()
                         if changes.get(k, 0) is not None})
    return edit(root, source, relative, change)
