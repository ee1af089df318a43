"""MMPose's own test.py draws predictions of our configs and exports."""
import runpy
import sys
from pathlib import Path

import cv2
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / 'tests'))
from runs import PEOPLE, tiny_config  # noqa: E402

from udapose.cli._mmpose_tool import find_mmpose_tool  # noqa: E402


def evaluate(config, checkpoint, work_dir, monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', [
        'test.py', str(config), str(checkpoint), '--work-dir', str(work_dir), *arguments])
    runpy.run_path(str(find_mmpose_tool('test.py')), run_name='__main__')
    return {p.name: cv2.imread(str(p)) for p in work_dir.glob('*/pictures/*')}


@pytest.mark.parametrize('name', [
    f'mean_teacher/mean-teacher_{PEOPLE}.py',
    'masked_reconstruction/finetune_synth-people_vit-tiny_64x64.py'])
def test_pictures_of_the_predictions(name, tiny_people, tmp_path, monkeypatch):
    """Of 2D and 3D models, and of the plain model that an adaptation exports."""
    cfg = tiny_config(name, tiny_people, tmp_path, iters=1)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.dump(tmp_path / 'config.py')
    Runner.from_cfg(cfg).train()
    found = evaluate(tmp_path / 'config.py', tmp_path / 'iter_1.pth', tmp_path / 'show',
                     monkeypatch, '--show-dir', 'pictures', '--cfg-options',
                     f'visualizer.name={tmp_path}/show')
    assert len(found) == 4 and all(image.shape[1] == 64 for image in found.values())
    if not (tmp_path / 'exported').exists():
        return
    exported = Config.fromfile(tmp_path / 'exported/config.py')
    assert not exported.default_hooks.visualization.enable
    found = evaluate(tmp_path / 'exported/config.py', tmp_path / 'exported/model.pth',
                     tmp_path / 'plain', monkeypatch, '--show-dir', 'pictures', '--cfg-options',
                     f'visualizer.name={tmp_path}/plain')
    assert len(found) == 4
