"""A tiny labelled COCO set and a folder of unlabelled images."""
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from tiny_data import KEYPOINTS, VIEW, WHOLE, make_metainfo, smooth_image

import udapose  # noqa: F401  (registers everything)


@pytest.fixture(autouse=True)
def mmpose_scope():
    """As MMPose's runner: data sets build their pipelines in MMPose's scope."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


@pytest.fixture(scope='session')
def tiny(tmp_path_factory):
    """8 labelled images of 80 x 60 and 5 unlabelled JPEGs of 96 x 72 in nested folders."""
    root = tmp_path_factory.mktemp('tiny')
    rng = np.random.default_rng(0)
    images, annotations = [], []
    (root / 'source').mkdir()
    for i in range(8):
        cv2.imwrite(str(root / f'source/{i}.png'), smooth_image(rng, 80, 60))
        images.append(dict(id=i, file_name=f'{i}.png', width=80, height=60))
        points = np.column_stack([rng.uniform([10, 10], [70, 50], (6, 2)), np.full(6, 2)])
        annotations.append(dict(
            id=100 + i, image_id=i, category_id=1, bbox=[10, 8, 55, 47], area=2000, iscrowd=0,
            keypoints=points.ravel().tolist(), num_keypoints=6))
    (root / 'source.json').write_text(json.dumps(dict(
        images=images, annotations=annotations,
        categories=[dict(id=1, name='person', keypoints=KEYPOINTS, skeleton=[])])))
    names = ['b/2.JPG', 'a.jpg', 'b/c/1.jpeg', 'b/10.jpg', 'd.jpg']
    for name in names:
        path = root / 'target' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = cv2.imencode('.jpg', smooth_image(rng, 96, 72))[1]
        path.write_bytes(data.tobytes())
    (root / 'target/readme.txt').write_text('not an image')
    (root / 'target/.hidden.jpg').write_text('not an image')
    source = dict(type='CocoDataset', metainfo=make_metainfo('tiny_source'), data_root=str(root),
                  ann_file='source.json', data_prefix=dict(img='source/'))
    target = dict(type='UnlabeledPoseDataset', metainfo=make_metainfo('tiny_target'),
                  data_root=str(root / 'target'))
    return SimpleNamespace(root=root, source=source, target=target)


@pytest.fixture(scope='session')
def pipelines():
    codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1.)
    return SimpleNamespace(
        source=[*WHOLE, *VIEW, dict(type='GenerateTarget', encoder=codec),
                dict(type='PackBranches', branch='source')],
        target=[*WHOLE, dict(type='ForkViews', teacher=VIEW,
                             student=[*VIEW, dict(type='ColorJitter'),
                                      dict(type='CutoutPatches')])],
        plain=[*WHOLE, dict(type='TopdownAffine', input_size=(64, 64)),
               dict(type='PackPoseInputs')])
