"""`udapose.apis` as the first import of a process, and what importing udapose leaves alone."""
from pathlib import Path

import pytest

FIRST = """
import sys
assert 'udapose' not in sys.modules and 'mmpose' not in sys.modules
from udapose.apis import MMPoseInferencer, inference_bottomup, inference_topdown, init_model
import mmpose.apis
assert MMPoseInferencer is mmpose.apis.MMPoseInferencer
assert inference_topdown.__module__.startswith('mmpose.')
"""

UNTOUCHED = """
import sys
from importlib.util import find_spec

import mmengine.runner.checkpoint
import torch

def tools():
    return [sys.modules[f'xtcocotools.{name}'] for name in ('coco', 'cocoeval', 'mask')]

try:
    import mmpose.datasets, mmpose.evaluation
    works = tools()
except Exception:  # missing or broken: stood in for, and nothing that worked can be changed
    works = None
before = find_spec('mmdet'), torch.load, find_spec('mmcv.ops').origin
import udapose
assert (find_spec('mmdet'), torch.load, find_spec('mmcv.ops').origin) == before
assert works is None or tools() == works
assert ('xtcocotools' in {m.name for m in udapose.compat.applied_fixes()}) == (works is None)
"""


def test_apis_can_be_the_first_import(run_python):
    done = run_python('-c', FIRST)
    assert done.returncode == 0, done.stderr


def test_a_training_s_config_and_checkpoint_predict(tmp_path):
    import numpy as np
    import torch
    from mmengine.config import Config
    from mmpose.registry import MODELS

    from udapose.apis import inference_topdown, init_model
    configs = Path(__file__).resolve().parents[1] / 'configs'
    cfg = Config.fromfile(configs / 'mean_teacher/mean-teacher_synth-people_res18-w32_64x64.py')
    cfg.model.pose_estimator.backbone.init_cfg = dict(type='Pretrained', checkpoint='not needed')
    trained = cfg.copy()
    trained.model.pose_estimator.backbone.pop('init_cfg')
    model = MODELS.build(trained.model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'trained.pth')
    loaded = init_model(cfg, str(tmp_path / 'trained.pth'), device='cpu')
    for name, value in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value)
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    points = inference_topdown(loaded, image)[0].pred_instances.keypoints
    assert points.shape[-1] == 2 and np.isfinite(points).all()


    # with the config of the plain model, MMPose would load nothing and predict at random
    plain = configs / 'source_only/source-only_synth-people_res18-w32_64x64.py'
    with pytest.raises(RuntimeError, match='that of an adaptation .student, teacher.*udapose exp'):
        init_model(plain, str(tmp_path / 'trained.pth'), device='cpu')
    half = {k: v for k, v in model.teacher.state_dict().items() if k.startswith('backbone')}
    torch.save(half, tmp_path / 'half.pth')
    with pytest.raises(RuntimeError, match='wrong checkpoint.*no head'):
        init_model(plain, str(tmp_path / 'half.pth'), device='cpu')


def test_importing_udapose_changes_nothing_that_works(run_python):
    done = run_python('-c', UNTOUCHED)
    assert done.returncode == 0, done.stderr
