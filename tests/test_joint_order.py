"""Joints stay in the order of their numbers when a config is written and read again."""
import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS

from udapose.compat.joint_order import in_order
from udapose.config_writing import write_config
from udapose.export import export

BODY = 'source_only/source-only_synth-people_res18-w32_64x64.py'
JOINTS = [f'joint{i}' for i in range(12)]
INFO = dict(
    dataset_name='twelve', joint_weights=[1.] * 12, sigmas=[],
    keypoint_info={i: dict(name=name, id=i, color=[i, 0, 0], type='',
                           swap=JOINTS[i ^ 1] if i > 1 else '')
                   for i, name in enumerate(JOINTS)},
    skeleton_info={i: dict(link=(JOINTS[i], JOINTS[i + 1]), id=i, color=[0, i, 0])
                   for i in range(11)})
FLIP = [0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]


def as_mmengine_writes_it(tmp_path) -> dict:
    Config(dict(info=copy.deepcopy(INFO))).dump(str(tmp_path / 'sorted.py'))
    return Config.fromfile(tmp_path / 'sorted.py').info.to_dict()


def test_any_order_means_the_same(tmp_path):
    written = as_mmengine_writes_it(tmp_path)
    assert list(written['keypoint_info'])[:4] == [0, 1, 10, 11]  # else there is nothing to fix
    for info in (INFO, written, in_order(written)):
        found = parse_pose_metainfo(copy.deepcopy(info))
        assert list(found['flip_indices']) == FLIP
        assert found['keypoint_colors'][:, 0].tolist() == list(range(12))
        assert found['skeleton_links'] == [(i, i + 1) for i in range(11)]


def test_written_configs_keep_the_order(tmp_path):
    cfg = Config(dict(a=1, note="it's", test=dict(sets=[dict(info=INFO)], other={'b': 1, 'a': 2})))
    write_config(cfg, tmp_path / 'c.py')
    again = Config.fromfile(tmp_path / 'c.py')
    assert again.to_dict() == cfg.to_dict()
    for key in ('keypoint_info', 'skeleton_info'):
        assert list(again.test.sets[0].info[key]) == sorted(INFO[key])
    write_config(Config(dict(x=[1, dict(y='z')])), tmp_path / 'd.py')
    assert Config.fromfile(tmp_path / 'd.py').x[1].y == 'z'


def test_exports_flip_the_right_joints_without_udapose(tmp_path):
    init_default_scope('mmpose')
    from udapose.configs import config_root
    cfg = Config.fromfile(config_root() / BODY)
    model = MODELS.build(cfg.model)
    export(cfg, dict(state_dict=model.state_dict()), tmp_path)
    info = Config.fromfile(tmp_path / 'config.py').test_dataloader.dataset.metainfo
    # what MMPose does in this order, whatever udapose.compat has fixed in this process
    names = {joint['name']: number for number, joint in info.keypoint_info.items()}
    flipped = [names[joint['swap'] or joint['name']] for joint in info.keypoint_info.values()]
    meta = torch.load(tmp_path / 'model.pth', weights_only=False)['meta']['dataset_meta']
    assert flipped == list(meta['flip_indices'])
    assert [i for i, j in enumerate(flipped) if i != j]  # some have partners


@pytest.mark.parametrize('info', [dict(from_file='x.py'), dict(keypoint_info={})])
def test_other_forms_are_left_alone(info):
    assert in_order(info) is info
