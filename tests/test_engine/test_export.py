"""Exported models are plain MMPose models that predict what the teacher predicts."""
import copy
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.apis import MMPoseInferencer, inference_topdown, init_model
from mmpose.registry import MODELS, TRANSFORMS
from runs import PEOPLE, ROOT, tiny_config

from udapose.export import export, plain_state_dict


@pytest.fixture(scope='module')
def trained(tiny_people, tmp_path_factory):
    """A short real run with pictures and export; student and teacher differ."""
    work = tmp_path_factory.mktemp('run')
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', tiny_people, work, iters=3)
    cfg.experiment_name = 'export'
    next(h for h in cfg.custom_hooks if h.type == 'PseudoLabelVisualizationHook').interval = 2
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture
def image(tiny_people):
    return next((tiny_people / 'target/images/test').glob('*.jpg'))


def test_the_export_loads_strictly_and_predicts_like_the_teacher(trained, image):
    folder = f'{trained.work_dir}/exported'
    saved = torch.load(f'{folder}/model.pth', weights_only=False)
    assert not any(k.startswith(('student.', 'teacher.')) for k in saved['state_dict'])
    plain = init_model(f'{folder}/config.py', None, device='cpu')
    plain.load_state_dict(saved['state_dict'], strict=True)

    plain = init_model(f'{folder}/config.py', f'{folder}/model.pth', device='cpu')
    adapted = trained.model.eval()
    x = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(plain(x, None, mode='tensor'),
                               adapted.teacher(x, None, mode='tensor'))
    assert not torch.allclose(adapted.student(x, None, mode='tensor'),
                              adapted.teacher(x, None, mode='tensor'))
    # the whole path from file to keypoints, against the teacher inside the same shell
    got = inference_topdown(plain, str(image))[0].pred_instances.keypoints
    reference = copy.deepcopy(plain)
    reference.load_state_dict(adapted.teacher.state_dict())
    np.testing.assert_array_equal(
        got, inference_topdown(reference, str(image))[0].pred_instances.keypoints)
    assert got.shape == (1, 22, 2)


def test_the_exported_config_needs_nothing_of_this_machine_or_package(trained):
    text = open(f'{trained.work_dir}/exported/config.py').read()
    for word in ('custom_imports', 'MeanTeacher', 'from_file', 'WholeImageBBox',
                 'LoadPoseImage', str(ROOT), str(trained.work_dir), 'init_cfg'):
        assert word not in text, word
    cfg = Config.fromfile(f'{trained.work_dir}/exported/config.py')
    assert cfg.test_dataloader.dataset.metainfo.dataset_name == 'synth_people_target'
    for step in cfg.test_dataloader.dataset.pipeline:
        assert TRANSFORMS.get(step.type).__module__.startswith('mmpose.')
    assert MODELS.get(cfg.model.type).__module__.startswith('mmpose.')


def test_the_inferencer_runs_it(trained, image):
    folder = f'{trained.work_dir}/exported'
    inferencer = MMPoseInferencer(
        pose2d=f'{folder}/config.py', pose2d_weights=f'{folder}/model.pth',
        det_model='whole_image', device='cpu')
    result = next(inferencer(str(image)))['predictions'][0][0]
    height, width = cv2.imread(str(image)).shape[:2]
    assert len(result['keypoints']) == 22
    direct = inference_topdown(init_model(f'{folder}/config.py', f'{folder}/model.pth', 'cpu'),
                               str(image))[0].pred_instances.keypoints[0]
    # the inferencer's whole-image box may be one pixel larger
    assert np.abs(np.array(result['keypoints']) - direct).max() < 0.1 * max(height, width)


@pytest.mark.parametrize('branch', ['teacher', 'student'])
def test_the_command_line_exports_either_branch(trained, tmp_path, branch):
    done = subprocess.run(
        [sys.executable, 'tools/export_checkpoint.py', f'{trained.work_dir}/{config_name(trained)}',
         f'{trained.work_dir}/iter_3.pth', '--out', str(tmp_path), '--branch', branch],
        cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    state = torch.load(tmp_path / 'model.pth', weights_only=False)['state_dict']
    expected = getattr(trained.model, branch).state_dict()
    assert all(torch.equal(state[k], expected[k]) for k in expected)


def config_name(runner):
    from pathlib import Path
    return next(Path(runner.work_dir).glob('*.py')).name


def test_a_plain_checkpoint_exports_as_it_is(tiny_people, tmp_path):
    cfg = tiny_config(f'source_only/source-only_{PEOPLE}.py', tiny_people, tmp_path)
    model = MODELS.build(cfg.model)
    out = export(cfg, dict(state_dict=model.state_dict()), tmp_path / 'out')
    plain = init_model(str(out / 'config.py'), str(out / 'model.pth'), device='cpu')
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(plain(x, None), model.eval()(x, None))


def test_messages(trained, tmp_path):
    with pytest.raises(KeyError, match="no branch 'teacher', only \\['student'\\]"):
        plain_state_dict({'student.backbone.x': 1})
    with pytest.raises(RuntimeError, match='do not fit the plain model'):
        export(trained.cfg, dict(state_dict={'teacher.backbone.x': torch.zeros(1)}), tmp_path)
    assert not (tmp_path / 'model.pth').exists()


def test_pictures_of_pseudo_labels_are_written(trained):
    path = f'{trained.work_dir}/vis_data/pseudo_labels/iter_000002.png'
    sheet = cv2.imread(path)
    assert sheet.shape == (3 * 64 * 3, 2 * 64 * 3, 3)  # three rows of two samples, enlarged by 3
    saturated = (sheet.max(-1).astype(int) - sheet.min(-1)) > 150
    assert saturated.any()  # joints were drawn
    model = trained.model
    assert model.last_batch is None and not model.keep_last_batch
