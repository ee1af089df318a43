"""The mean-pose baseline on files written here, against values worked out by hand."""
import importlib.util
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parent.parent.parent
CAMERA = [[100., 0, 31.5], [0, 100, 31.5], [0, 0, 1]]


@pytest.fixture(scope='module')
def tool():
    path = ROOT / 'tools/benchmark/mean_pose.py'
    spec = importlib.util.spec_from_file_location('mean_pose', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def config(tmp_path):
    """Three joints; the tip's x relative to the root is given per image and split."""
    def write(drop=None, **tips):
        for split, offsets in tips.items():
            images, annotations = [], []
            for i, tip in enumerate(offsets):
                # Roots differ: the mean must not depend on where the person is.
                pose = np.array([[0., 0, 0], [0, 60, 0], [tip, 0, 0]]) + [50 * i, 0, 1000 + 100 * i]
                pixels = pose[:, :2] / pose[:, 2:] * 100 + 31.5
                images.append(dict(id=i, file_name=f'{i}.png', width=64, height=64))
                labels = dict(keypoints_3d=pose.tolist(), camera=dict(K=CAMERA), root_index=0)
                labels.pop(drop, None)
                annotations.append(dict(
                    labels, id=i, image_id=i, category_id=1, iscrowd=0, area=900., num_keypoints=3,
                    bbox=[9, 9, 40, 40], keypoints=np.c_[pixels, [2, 1, 2]].ravel().tolist()))
                cv2.imwrite(str(tmp_path / f'{i}.png'), np.zeros((64, 64, 3), np.uint8))
            (tmp_path / f'{split}.json').write_text(json.dumps(dict(
                images=images, annotations=annotations,
                categories=[dict(id=1, name='person', keypoints=['r', 'a', 'b'], skeleton=[])])))
        info = dict(
            dataset_name='three', paper_info={}, skeleton_info={}, joint_weights=[1.] * 3,
            sigmas=[0.1] * 3, keypoint_info={
                i: dict(name=name, id=i, color=[0, 0, 0], type='', swap='')
                for i, name in enumerate('rab')})
        (tmp_path / 'config.py').write_text('\n'.join(
            '{} = {!r}'.format(split, dict(
                type='CocoDataset', data_root=str(tmp_path), metainfo=info,
                ann_file=f'{split}.json', data_prefix=dict(img=''))) for split in tips))
        return tmp_path / 'config.py'

    return write


def test_the_mean_of_the_training_set_is_scored_on_each_test_set(tool, config):
    path = config(source_train=[100, 200, 300], source_test=[200, 230], target_test=[500])
    got = tool.evaluate(Config.fromfile(path))
    assert got['source/MPJPE'] == pytest.approx((0 + 0 + (0 + 30) / 2) / 3)
    assert got['target/MPJPE'] == pytest.approx(300 / 3)
    assert got['target/EPE3D-median'] == pytest.approx(100)
    assert got['target/PCK3D@150'] == pytest.approx(200 / 3)
    # At the true root (z = 1000) 300 mm are 30 pixels.
    assert got['target/EPE2D-mean'] == pytest.approx(30 / 3, 1e-4)


def test_the_configs_own_metrics_are_used(tool, config, tmp_path):
    path = config(source_train=[100], source_test=[100], target_test=[160])
    cfg = Config.fromfile(path)
    ours = dict(type='CameraSpaceMPJPE', mode='mpjpe', joints=['b'])
    cfg.test_evaluator = [dict(type='GroupedPCK', prefix='target'), dict(ours, prefix='target'),
                          dict(ours, prefix='source')]
    assert tool.evaluate(cfg) == {'source/MPJPE': pytest.approx(0, abs=1e-9),
                                  'target/MPJPE': pytest.approx(60)}


@pytest.mark.parametrize('option', ['--out', '--json'])  # the latter was its name before
def test_command_line(option, tool, config, tmp_path, monkeypatch, capsys):
    path = config(source_train=[100], target_test=[160])
    out = tmp_path / 'new/result.json'
    argv = ['x', str(path), '--test', 'target_test', option, str(out)]
    monkeypatch.setattr(sys, 'argv', argv)
    tool.main()
    assert json.loads(out.read_text())['target/MPJPE'] == pytest.approx(20)
    assert 'target/MPJPE' in capsys.readouterr().out
    monkeypatch.setattr(sys, 'argv', argv[:2])
    with pytest.raises(SystemExit, match=r"has no source_test: .*'source_train'"):
        tool.main()


@pytest.mark.parametrize('drop,message', [
    ('keypoints_3d', r'source_train: .*0\.png has no keypoints_cam / keypoints_3d;'),
    ('camera', r'has no intrinsics / camera\.K;'), ('root_index', 'has no root_index;')])
def test_a_data_set_without_3d_labels_is_named(tool, config, drop, message):
    path = config(source_train=[100], source_test=[1], target_test=[1], drop=drop)
    with pytest.raises(ValueError, match=message):
        tool.evaluate(Config.fromfile(path))


def test_unlabelled_joints_are_ignored(tool, config, tmp_path, capsys):
    """Of a null joint, and of an instance whose root has no depth."""
    path = config(source_train=[100, 200, 999, 888], source_test=[150, 150, 150], target_test=[1])
    for split, number, joint in (('source_train', 2, 2), ('source_train', 3, 0),
                                 ('source_test', 1, 0), ('source_test', 2, 1)):
        content = json.loads((tmp_path / f'{split}.json').read_text())
        ann = content['annotations'][number]
        ann['keypoints'][3 * joint:3 * joint + 3] = [0, 0, 0]
        ann['keypoints_3d'][joint] = None
        (tmp_path / f'{split}.json').write_text(json.dumps(content))
    got = tool.evaluate(Config.fromfile(path))
    assert got['source/MPJPE'] == pytest.approx(0, abs=1e-9)
    assert '1 of 3 instances are left out: their root is not labelled' in capsys.readouterr().out
