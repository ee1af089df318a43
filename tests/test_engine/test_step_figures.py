"""Losses of the shipped methods' first steps, as they were when readouts replaced heatmap code.

Then 26 configs of 20 iterations each gave the same losses and weights as the commit before, to the
bit. Other processors and libraries round differently, and an untrained teacher's arg-max may jump,
so here only what does not depend on it is compared, with a tolerance.

    UDAPOSE_WRITE_FIGURES=1 pytest tests/test_engine/test_step_figures.py   # after a wanted change
"""
import json
import os
from pathlib import Path

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from parts import tiny_config

FIGURES = Path(__file__).parent / 'step_figures.json'
CONFIGS = ['mean_teacher/mean-teacher', 'multilevel_alignment/multilevel', 'uniframe/uniframe',
           'dann/dann', 'mic/mic']
STEADY = ('loss_kpt', 'loss_adversarial', 'loss_information', 'entropy_mean')


@HOOKS.register_module(force=True)
class _Figures(Hook):
    def __init__(self):
        self.rows = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.rows.append({k: float(v) for k, v in outputs.items()})


@pytest.mark.parametrize('name', CONFIGS)
def test_the_first_steps_are_those_recorded(name, tiny_people, tmp_path):
    cfg = tiny_config(f'{name}_synth-people_res18-w32_64x64.py', tiny_people, tmp_path, iters=4)
    cfg.randomness = dict(seed=7)
    cfg.train_cfg.val_interval = 100
    runner = Runner.from_cfg(cfg)
    hook = _Figures()
    runner.register_hook(hook)
    runner.train()
    stored = json.loads(FIGURES.read_text(encoding='utf-8')) if FIGURES.exists() else {}
    if os.environ.get('UDAPOSE_WRITE_FIGURES'):
        stored[name] = hook.rows
        FIGURES.write_text(json.dumps(stored, indent=1) + '\n', encoding='utf-8')
    assert len(hook.rows) == len(stored[name]) == 4
    for row, expected in zip(hook.rows, stored[name], strict=True):
        assert row.keys() == expected.keys()
        for key in STEADY:
            if key in row:
                assert row[key] == pytest.approx(expected[key], rel=0.02, abs=1e-6), key
