"""A checkpoint of another model must not pass as weights."""
import logging
import pickle

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from mmpose.registry import MODELS
from runs import PEOPLE, tiny_config
from torch import nn

from udapose.engine.checkpoint_fit import check_fit, check_when_loaded
from udapose.models.style_transfer import AdaINStyleTransfer


@pytest.fixture
def cfg(tiny_people, tmp_path):
    return tiny_config(f'source_only/source-only_{PEOPLE}.py', tiny_people, tmp_path / 'work')


def build(cfg, **backbone):
    init_default_scope('mmpose')
    model = cfg.model.to_dict()
    model['backbone'].update(backbone)
    return MODELS.build(model)


def load(model, checkpoint, name):
    """Load as MMEngine does."""
    handle = check_when_loaded(model, checkpoint, name)
    _load_checkpoint_to_model(model, checkpoint)
    if handle is not None:
        handle.remove()


class Views(BaseTTAModel):
    """Test-time augmentation, around a model."""

    def merge_preds(self, data_samples_list):
        raise NotImplementedError


@pytest.fixture
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


def test_what_others_rename_fits(cfg, tmp_path, said):
    """Another hook or revise_keys may make a checkpoint fit after it was read."""
    class TakeOff(Hook):
        def after_load_checkpoint(self, runner, checkpoint):
            checkpoint['state_dict'] = {key.removeprefix('net.'): value for key, value
                                        in checkpoint['state_dict'].items()}

    torch.save(dict(meta={}, state_dict={
        f'net.{key}': torch.full_like(value, 2) for key, value in build(cfg).state_dict().items()}),
        tmp_path / 'net.pth')
    runner = Runner.from_cfg(cfg)
    with pytest.raises(ValueError, match="All names begin with 'net.'.*take it off"):
        runner.load_checkpoint(str(tmp_path / 'net.pth'))
    runner.load_checkpoint(str(tmp_path / 'net.pth'), revise_keys=[('^net[.]', '')])
    assert all((value == 2).all() for value in runner.model.state_dict().values())
    runner.register_hook(TakeOff())
    runner.load_checkpoint(str(tmp_path / 'net.pth'))
    assert not said
    waiting = len(runner.model._load_state_dict_pre_hooks)
    runner.call_hook('before_test')
    assert len(runner.model._load_state_dict_pre_hooks) == waiting - 1


def test_a_checkpoint_of_a_backbone_alone_under_other_names(cfg):
    model = build(cfg)
    with pytest.raises(ValueError, match='It holds encoder.0, encoder.1; the model .*init_cfg'):
        load(model, {'encoder.0': torch.zeros(1), 'encoder.1': torch.zeros(2)}, 'a.pth')
    with pytest.raises(ValueError, match='It holds model, epoch'):
        load(model, dict(model={'conv1.weight': torch.zeros(1)}, epoch=3), 'timm.pth')


def test_a_whole_object_is_no_weights(cfg):
    model = build(cfg)
    for content in (nn.Linear(1, 1), dict(state_dict=nn.Linear(1, 1))):
        with pytest.raises(ValueError, match='a.pth holds a whole Linear object .*state_dict()'):
            check_when_loaded(model, content, 'a.pth')


def test_what_fits_by_half_is_loaded_in_silence(cfg, said):
    model = build(cfg)
    state = model.state_dict()
    load(model, dict(state_dict=state), 'a.pth')
    load(model, {f'module.{key}': value for key, value in state.items()}, 'ddp.pth')
    load(model, {key: value for key, value in state.items() if 'backbone' in key}, 'b.pth')
    load(Views(module=model), dict(state_dict=state), 'tta.pth')
    assert not said
    assert check_when_loaded(model, state, 'a.pth') and pickle.dumps(model)  # while it waits


def test_another_width_is_said(cfg, said):
    """Few entries of another network have the same shape (counters, say): MMEngine goes on."""
    check_fit(build(cfg), build(cfg, base_channels=8, stem_channels=8).state_dict(), 'wide.pth')
    (level, text), = said
    assert level == logging.WARNING and 'checkpoint of another model?' in text
    assert text.startswith('only ') and 'stay as they were initialised' in text


def test_the_names_of_old_versions_are_known(cfg, said):
    """MMPose renames the heads of its first versions while it loads."""
    model = build(cfg)
    old = {key.replace('head.', 'keypoint_head.'): value.clone()
           for key, value in model.state_dict().items() if key.startswith('head.')}
    with pytest.raises(ValueError, match='none of the'):
        load(model, {f'x.{key}': value for key, value in old.items()}, 'a.pth')
    check_fit(model, old, 'a.pth')
    assert len(said) == 1 and f'{len(old)} of the' in said[0][1]
    assert 'All that it holds is loaded' in said[0][1] and 'another model' not in said[0][1]
    assert all(key.startswith('keypoint_head.') for key in old), 'the checkpoint was changed'


class Versioned(nn.ModuleList):
    """Forgets what versions before 2 have saved."""
    _version = 2

    def __init__(self):
        super().__init__(nn.Linear(1, 1) for _ in range(3))
        self.calls = 0
        self._register_load_state_dict_pre_hook(self.forget)

    def forget(self, state_dict, prefix, metadata, *args):
        self.calls += 1
        if metadata.get('version', 1) < 2:
            state_dict.clear()


def test_hooks_of_the_model_see_the_checkpoint_s_version(said):
    model = Versioned()
    state = model.state_dict()
    for key in list(state)[2:]:
        del state[key]
    load(model, state, 'new.pth')
    (_, text), = said
    assert text.startswith('only 2 of the 6 entries')
    with pytest.raises(ValueError, match='none of the 6 entries'):
        load(model, dict(state), 'without-version.pth')
    model.calls = 0
    load(model, Versioned().state_dict(), 'whole.pth')
    assert model.calls == 1, 'what fits as it is needs no hooks'


def test_what_a_model_gives_itself_does_not_count():
    """The image convention of style networks fills itself in while loading."""
    model = AdaINStyleTransfer(encoder=dict(type='SmallStyleEncoder'),
                               decoder=dict(type='SmallStyleDecoder'), reconstruction_weight=1.)
    with pytest.raises(ValueError, match='none of the'):
        load(model, {'backbone.conv1.weight': torch.zeros(1)}, 'pose.pth')


def test_a_model_that_saves_less_than_it_loads(said):
    """LoRA: the state dict has the added weights alone, and the whole model may be loaded."""
    from mmpretrain.models.peft import LoRAModel
    model = nn.ModuleDict(dict(backbone=LoRAModel(rank=1, targets=[dict(type='.*qkv')], module=dict(
        type='mmpretrain.VisionTransformer', patch_size=16, img_size=32, arch=dict(
            embed_dims=8, num_layers=1, num_heads=1, feedforward_channels=8)))))
    added = model.state_dict()
    assert all('.lora_' in key for key in added) and added
    load(model, added, 'added.pth')
    load(model, {key: value.clone() for key, value in model.named_parameters()
                 if '.lora_' not in key}, 'base.pth')
    assert not said
    with pytest.raises(ValueError, match='none of the'):
        load(model, {'a': torch.zeros(1)}, 'other.pth')


def test_wrappers_check_for_themselves(tiny_people, tmp_path):
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', tiny_people, tmp_path)
    assert check_when_loaded(MODELS.build(cfg.model), {'encoder.0': torch.zeros(1)}, 'a') is None
