"""The start model of `udapose adapt --demo`."""
import json

import numpy as np
import pytest

from udapose.adaptation import demo_model
from udapose.adaptation.demo_model import train_start_model
from udapose.adaptation.predictor import Predictor
from udapose.apis import init_model
from udapose.cli import _experiment


def test_smoke_gives_a_plain_model_that_crops_from_boxes(tmp_path, monkeypatch):
    out, told = tmp_path / 'my start', []

    def progress(step, share):
        told.append((step, share))
        return 'soon'
    config, checkpoint = train_start_model(out, seed=2, smoke=True, threads=1, progress=progress)
    assert (config, checkpoint) == (out / 'model/config.py', out / 'model/model.pth')
    model = init_model(str(config), str(checkpoint), device='cpu')
    assert type(model).__name__ == 'TopdownPoseEstimator'
    pipeline = model.cfg.test_dataloader.dataset.pipeline
    assert [step['type'] for step in pipeline] == [
        'LoadImage', 'GetBBoxCenterScale', 'TopdownAffine', 'PackPoseInputs']
    assert pipeline[1]['padding'] == 1.25
    predictor = Predictor(config, checkpoint)
    assert predictor.names[:3] == ['nose', 'left_eye', 'right_eye'] and len(predictor.names) == 22
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    points, _ = predictor(image, np.array([[10, 10, 50, 80], [60, 10, 100, 80.]]))
    assert points.shape == (2, 22, 2)
    # Answers lie in their box's square crop, but for a few: the sub-pixel step of MMPose's decoder
    # may leap anywhere on the flat heatmaps of so little training.
    for found, middle in zip(points, ([30, 45], [80, 45])):
        assert (np.abs(found - middle) <= 45).all(-1).mean() > 0.7
    assert {step for step, _ in told} <= {'rendering', 'training'} and told
    assert all(0 <= share <= 1 for _, share in told)

    # the training's data are source renderings of this seed
    meta = json.loads((out / 'data/meta.json').read_text())
    assert meta['seed'] == 2 and meta['counts']['target']['train'] == 0
    written = (out / 'work' / demo_model.CONFIG.name).read_text()
    assert f'{out}/data/source/' in written

    # all is there: nothing is started, and another seed is refused
    monkeypatch.setattr(_experiment, 'Job', None)
    assert train_start_model(out, seed=2, smoke=True) == (config, checkpoint)
    with pytest.raises(RuntimeError, match='randomness.seed is 2, now 3'):
        train_start_model(out, seed=3, smoke=True)


def test_interrupted_steps_are_repeated_and_finished_ones_are_not(tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(_experiment, 'Job',
                        lambda name, command, log, threads: commands.append(command) or command)

    def wait(jobs, note=None):
        if len(commands) == 3:
            raise KeyboardInterrupt
        if 'measuring' in str(commands[-1]) or '_quickstart_speed' in str(commands[-1]):
            (tmp_path / 'speed.json').write_text('{"threads": 2, "channels_last": true}')
    monkeypatch.setattr(_experiment, 'wait', wait)
    with pytest.raises(KeyboardInterrupt):
        train_start_model(tmp_path)
    assert [command[2] for command in commands] == [
        'udapose', 'udapose.cli._quickstart_speed', 'udapose']
    assert commands[0][3] == 'synth' and '--source-train=2000' in commands[0]
    assert commands[2][3] == 'train' and '--resume' not in commands[2]
    assert 'default_hooks.channels_last.type=ChannelsLastHook' in commands[2]
    (tmp_path / 'work/last_checkpoint').write_text('iter_10.pth')
    (tmp_path / 'work/iter_10.pth').touch()
    commands[:] = [[]]  # a new call: rendering is asked again, which returns at once, no measuring
    with pytest.raises(KeyboardInterrupt):
        train_start_model(tmp_path)
    assert commands[1][3] == 'synth'
    assert commands[2][commands[2].index('--resume') + 1] == str(tmp_path / 'work/iter_10.pth')


def test_threads_below_one_are_refused(tmp_path):
    with pytest.raises(ValueError, match='threads is 0; choose 1 or more'):
        train_start_model(tmp_path, threads=0)
