"""What the tests of the hands' readers share."""
import os
from pathlib import Path

import numpy as np
from mmpose.registry import DATASETS

from udapose.codecs.camera_geometry import project

SAMPLES = Path(os.environ.get('UDAPOSE_TEST_DATA', '/nonexistent')) / 'mmpose_samples'
PIPELINE = [dict(type='LoadPoseImage'), dict(type='LoadForegroundMask')]


def build(kind, root, **kwargs):
    # serialising collects garbage, most of a tiny data set's time
    return DATASETS.build(dict(type=kind, data_root=str(root), serialize_data=False, **kwargs))


def infos(data):
    return [data[i] for i in range(len(data))]


def names(data):
    return [Path(data[i]['img_path']).name for i in range(len(data))]


def assert_projects(info, tolerance=0.05):
    np.testing.assert_allclose(project(info['keypoints_cam'], info['intrinsics']),
                               info['keypoints'], atol=tolerance)


def assert_dots(info):
    at = np.round(info['keypoints'][0]).astype(int)
    assert (info['img'][at[:, 1], at[:, 0], 2] > 180).all()


def box_by_hand(points, width, height):
    """The published crop, joint by joint."""
    xs, ys = [float(p[0]) for p in points], [float(p[1]) for p in points]
    side = min(round(1.5 * max(max(xs) - min(xs), max(ys) - min(ys))), min(width, height))
    out = []
    for values, limit in ((xs, width), (ys, height)):
        start = round((min(values) + max(values)) / 2 - side / 2)
        start = 0 if start < 0 else start
        out.append(limit - side if start + side > limit else start)
    return [out[0], out[1], out[0] + side - 1, out[1] + side - 1]
