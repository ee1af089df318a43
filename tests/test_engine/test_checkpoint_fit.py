"""A checkpoint of another model must not pass as weights."""
import logging

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS
from runs import PEOPLE, tiny_config

from udapose.engine.checkpoint_fit import check_fit


@pytest.fixture
def cfg(tiny_people, tmp_path):
    return tiny_config(f'source_only/source-only_{PEOPLE}.py', tiny_people, tmp_path / 'work')


def build(cfg, **backbone):
    init_default_scope('mmpose')
    model = cfg.model.to_dict()
    model['backbone'].update(backbone)
    return MODELS.build(model)


def said(monkeypatch):
    lines = []
    monkeypatch.setattr('udapose.engine.checkpoint_fit.print_log',
                        lambda text, level=logging.INFO, **kwargs: lines.append((level, text)))
    return lines


def test_a_test_of_a_wrapper_s_checkpoint_under_the_plain_config(cfg, tmp_path):
    """The likeliest mistake: MMEngine would score random weights."""
    plain = build(cfg).state_dict()
    torch.save(dict(meta={}, state_dict={f'{branch}.{key}': value for key, value in plain.items()
                                         for branch in ('student', 'teacher')}),
               tmp_path / 'adapted.pth')
    cfg.load_from = str(tmp_path / 'adapted.pth')
    with pytest.raises(ValueError, match=r'wrong checkpoint: none of the \d+ entries of '
                       r'TopdownPoseEstimator are in .*adapted.pth, with the same shape. It holds '
                       r'student\..*; the model expects backbone\..*udapose export CONFIG'):
        Runner.from_cfg(cfg).test()


def test_a_checkpoint_of_a_backbone_alone_under_other_names(cfg):
    model = build(cfg)
    with pytest.raises(ValueError, match='It holds encoder.0, encoder.1; the model .*init_cfg'):
        check_fit(model, {'encoder.0': torch.zeros(1), 'encoder.1': torch.zeros(2)}, 'a.pth')
    with pytest.raises(ValueError, match='It holds model, epoch'):
        check_fit(model, dict(model={'conv1.weight': torch.zeros(1)}, epoch=3), 'timm.pth')


def test_what_fits_by_half_is_loaded_in_silence(cfg, monkeypatch):
    lines = said(monkeypatch)
    model = build(cfg)
    state = model.state_dict()
    check_fit(model, dict(state_dict=state), 'a.pth')
    check_fit(model, {f'module.{key}': value for key, value in state.items()}, 'ddp.pth')
    check_fit(model, {key: value for key, value in state.items() if 'backbone' in key}, 'b.pth')
    assert not lines


def test_another_width_is_said(cfg, monkeypatch):
    """Few entries of another network have the same shape (counters, say): MMEngine goes on."""
    lines = said(monkeypatch)
    check_fit(build(cfg), build(cfg, base_channels=8, stem_channels=8).state_dict(), 'wide.pth')
    (level, text), = lines
    assert level == logging.WARNING and 'checkpoint of another model?' in text
    assert text.startswith('only ') and 'stay as they were initialised' in text


def test_the_names_of_old_versions_are_known(cfg, monkeypatch):
    """MMPose renames the heads of its first versions while it loads."""
    lines = said(monkeypatch)
    model = build(cfg)
    old = {key.replace('head.', 'keypoint_head.'): value
           for key, value in model.state_dict().items() if key.startswith('head.')}
    with pytest.raises(ValueError, match='none of the'):
        check_fit(model, {f'x.{key}': value for key, value in old.items()}, 'a.pth')
    check_fit(model, old, 'a.pth')
    assert len(lines) == 1 and f'{len(old)} of the' in lines[0][1]
    assert all(key.startswith('keypoint_head.') for key in old), 'the checkpoint was changed'


def test_wrappers_check_for_themselves(tiny_people, tmp_path):
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', tiny_people, tmp_path)
    check_fit(MODELS.build(cfg.model), {'encoder.0': torch.zeros(1)}, 'a.pth')
