"""Keypoints with cameras: embedded data, real samples, and what can be wrong."""
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS

from udapose.codecs import apply_matrix, project
from udapose.synthetic import generate

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(os.environ.get('UDAPOSE_TEST_DATA', '/nonexistent')) / 'mmpose_samples'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('embedded')
    for kind in ('people', 'hands'):
        generate(root / kind, kind=kind, size=64, source_train=4, target_train=2, val=2, test=2,
                 workers=1)
    return root


def config(kind, data):
    text = Config.fromfile(ROOT / f'configs/_base_/datasets/synth_{kind}_3d_64x64.py').pretty_text
    return Config.fromstring(text.replace(f'data/synthpose/{kind}/', f'{data}/{kind}/'), '.py')


@pytest.mark.parametrize('kind,num_joints,root', [('people', 22, 19), ('hands', 21, 0)])
def test_embedded_data(kind, num_joints, root, data):
    dataset = DATASETS.build(dict(config(kind, data).labeled_source_train, pipeline=[]))
    assert len(dataset) == 4
    item = dataset[1]
    assert item['keypoints_cam'].shape == (1, num_joints, 3)
    assert item['keypoints_cam'].dtype == item['intrinsics'].dtype == np.float32
    assert item['root_index'] == root and os.path.exists(item['mask_path'])
    assert 250 < item['keypoints_cam'][0, root, 2] < 8000  # millimetres
    np.testing.assert_allclose(project(item['keypoints_cam'], item['intrinsics']),
                               item['keypoints'], atol=.05)


@pytest.mark.parametrize('kind', ['people', 'hands'])
@pytest.mark.parametrize('boxes', [False, True])
def test_training_samples_lead_back_to_the_camera(kind, boxes, data):
    """Augmented labels, decoded and moved by the inverse of input_matrix, are the labels."""
    cfg = config(kind, data)
    cfg = cfg.labeled_source_train
    if boxes:  # the annotated box instead of the whole image
        cfg.pipeline = [t for t in cfg.pipeline if t['type'] != 'WholeImageBBox']
        next(t for t in cfg.pipeline if t['type'] == 'GetBBoxCenterScale').padding = 1.25
    dataset = DATASETS.build(cfg)
    codec = next(t for t in dataset.pipeline.transforms if hasattr(t, 'encoder')).encoder
    flips = set()
    for i in range(12):
        np.random.seed(i)
        sample = dataset[i % 4]['data_samples']
        meta, labels = sample.metainfo, sample.gt_instance_labels
        assert meta['codec_volume'] == codec.volume == ((64, 64), (16, 16, 16), codec.depth_range)
        order = np.array(meta['flip_indices']) if meta['flip'] else slice(None)
        decoded, _ = codec.decode(labels.keypoint_labels.numpy())
        pixels = apply_matrix(np.linalg.inv(meta['input_matrix']), decoded[..., :2])
        truth = sample.gt_instances.keypoints_cam
        np.testing.assert_allclose(pixels[:, order], project(truth, meta['intrinsics']), atol=.05)
        depths = truth[..., 2] - truth[:, meta['root_index'], 2, None]
        np.testing.assert_allclose(decoded[:, order, 2], depths, atol=.05)
        flips.add(meta['flip'])
    assert flips == {True, False}


def test_the_source_branch_of_a_two_domain_batch(data):
    dataset = DATASETS.build(config('people', data).source_train)
    sample = dataset[0]['data_samples']['source']
    assert {'intrinsics', 'root_index', 'input_matrix', 'img_path', 'dataset_name',
            'codec_volume'} <= set(sample.metainfo)
    assert sample.gt_instances.keypoints_cam.shape == (1, 22, 3)
    assert sample.gt_instance_labels.keypoint_labels.shape == (1, 22, 3)
    assert dataset[0]['data_samples']['target_student'] is None


def pack(**results):
    from mmpose.registry import TRANSFORMS
    return TRANSFORMS.build(dict(type='PackPose3DInputs'))(dict(dict(
        img=np.zeros((4, 4, 3), np.uint8), intrinsics=np.eye(3), root_index=0,
        input_matrix=np.eye(3), img_path='here.png', flip=False), **results))


def test_packing_refuses_what_cannot_lead_back():
    assert pack()['data_samples'].metainfo['root_index'] == 0
    with pytest.raises(ValueError, match='here.png has no input_matrix.*RecordedTopdownAffine'):
        pack(input_matrix=None)
    with pytest.raises(ValueError, match='here.png has no intrinsics.*CameraSpaceCocoDataset'):
        pack(intrinsics=None)
    with pytest.raises(ValueError, match='RandomFlip before'):
        pack(flip=True, flip_direction='horizontal')


def broken(change, data, tmp_path, **kwargs):
    cfg = config('hands', data).labeled_source_train
    content = json.loads((data / 'hands/source/annotations/train.json').read_text())
    change(content['annotations'][2])
    path = tmp_path / 'changed.json'
    path.write_text(json.dumps(content))
    return DATASETS.build(dict(cfg, ann_file=str(path), **kwargs))


def shift_camera(ann):
    ann['camera']['K'][0][2] += 1.5


def behind(ann):
    ann['keypoints_3d'][3][2] *= -1


@pytest.mark.parametrize('change,message', [
    (lambda a: a.pop('camera'), r'changed\.json: annotation 2 has no camera\.K.*CocoDataset'),
    (lambda a: a.pop('keypoints_3d'), 'annotation 2 has no keypoints_3d'),
    (lambda a: a.pop('root_index'), 'has no root_index.*argument root_index'),
    (lambda a: a['keypoints_3d'].pop(), '21 keypoints, but 20 keypoints_3d'),
    (lambda a: a.update(root_index=21), 'root_index=21, but 21 keypoints'),
    (shift_camera, r'off by 1\.5\d pixels.*integer pixel centres'),
    (behind, 'behind the camera')])
def test_bad_files(change, message, data, tmp_path):
    with pytest.raises(ValueError, match=message):
        broken(change, data, tmp_path)


def test_exceptions_that_are_asked_for(data, tmp_path):
    assert len(broken(shift_camera, data, tmp_path, max_reprojection_error=None)) == 4
    assert len(broken(shift_camera, data, tmp_path, max_reprojection_error=1.6)) == 4
    dataset = broken(lambda a: (a.pop('root_index'), a.pop('mask')), data, tmp_path, root_index=9,
                     pipeline=[])
    assert dataset[2]['root_index'] == 9 and 'mask_path' not in dataset[2]
    assert dataset[1]['root_index'] == 0 and 'mask_path' in dataset[1]


def load(annotations, images, tmp_path, num_joints):
    path = tmp_path / 'converted.json'
    path.write_text(json.dumps(dict(annotations=annotations, images=images,
                                    categories=[dict(id=1, name='it')])))
    metainfo = dict(dataset_name='converted', keypoint_info={
        i: dict(name=str(i), id=i, color=[0, 0, 0], type='', swap='') for i in range(num_joints)},
        skeleton_info={}, joint_weights=[1.] * num_joints, sigmas=[.05] * num_joints)
    return DATASETS.build(dict(type='CameraSpaceCocoDataset', ann_file=str(path), root_index=0,
                               metainfo=metainfo, data_prefix=dict(img=''), pipeline=[]))


def matrix(focal, center):
    return [[float(focal[0]), 0., float(center[0])], [0., float(focal[1]), float(center[1])],
            [0., 0., 1.]]


@pytest.mark.skipif(not (SAMPLES / 'rhd').exists(), reason='needs UDAPOSE_TEST_DATA')
def test_rhd_reprojects(tmp_path):
    content = json.loads((SAMPLES / 'rhd/test_rhd.json').read_text())
    cameras = {i['id']: i['cam_param'] for i in content['images']}
    for ann in content['annotations']:
        camera = cameras[ann['image_id']]
        ann.update(keypoints_3d=ann['joint_cam'], keypoints=np.ravel(ann['keypoints']).tolist(),
                   camera=dict(K=matrix(camera['focal'], camera['princpt'])))
    assert len(load(content['annotations'], content['images'], tmp_path, 21)) >= 3


@pytest.mark.skipif(not (SAMPLES / 'mpi_inf_3dhp').exists(), reason='needs UDAPOSE_TEST_DATA')
def test_mpi_inf_3dhp_reprojects(tmp_path):
    cameras = pickle.loads((SAMPLES / 'mpi_inf_3dhp/cameras_train.pkl').read_bytes())
    samples = np.load(SAMPLES / 'mpi_inf_3dhp/test_3dhp_train.npz')
    annotations, images = [], []
    labels = samples['part'].copy()
    labels[:, [8, 11, 15], 2] = 0  # made of others, in 2D and in 3D apart: 0.9 to 2.2 pixels off
    for i, name in enumerate(samples['imgname']):
        camera = cameras['_'.join(name.split('_')[:3])]
        images.append(dict(id=i, file_name=str(name), width=2048, height=2048))
        annotations.append(dict(
            id=i, image_id=i, category_id=1, bbox=[0, 0, 2048, 2048], num_keypoints=17,
            keypoints=labels[i].ravel().tolist(),
            keypoints_3d=(1000 * samples['S'][i, :, :3]).tolist(),  # metres there
            camera=dict(K=matrix(camera['f'].ravel(), camera['c'].ravel()))))
    assert len(load(annotations, images, tmp_path, 17)) == 2
    for ann in annotations:  # 1 cm to the side
        ann['keypoints_3d'] = (np.array(ann['keypoints_3d']) + [10, 0, 0]).tolist()
    with pytest.raises(ValueError, match='does not project'):
        load(annotations, images, tmp_path, 17)
