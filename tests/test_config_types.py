"""A type is a name, a name with a scope, a dotted path or a class; a subclass is its parent."""
import pytest
from mmengine.config import Config
from mmengine.registry import WEIGHT_INITIALIZERS
from mmpose.models import HeatmapHead, ResNet
from mmpose.registry import MODELS, TRANSFORMS
from mmpretrain.models import VisionTransformer

from udapose.config_types import is_from, is_kind, resolve, written
from udapose.engine import PreflightHook
from udapose.models.backbones import AttentionViT

OURS = 'udapose.models.backbones.AttentionViT'


class MyViT(AttentionViT):
    """A user's, not registered."""


@pytest.mark.parametrize('kind,expected', [
    ('AttentionViT', AttentionViT), (OURS, AttentionViT), (AttentionViT, AttentionViT),
    ('mmpretrain.VisionTransformer', VisionTransformer),
    ('mmpretrain.models.VisionTransformer', VisionTransformer),
    ('mmpose.models.HeatmapHead', HeatmapHead), ('NoSuchThing', None), ('no.such.Thing', None),
    (None, None)])
def test_every_way_to_write_a_type(kind, expected):
    assert resolve(kind, MODELS) is expected


def test_lazy_objects(tmp_path):
    """Pure Python configs."""
    (tmp_path / 'lazy.py').write_text('from udapose.models.backbones import AttentionViT\n'
                                      'model = dict(backbone=dict(type=AttentionViT))\n')
    backbone = Config.fromfile(tmp_path / 'lazy.py')._to_lazy_dict()['model']['backbone']
    assert not isinstance(backbone['type'], type | str)
    assert resolve(backbone['type'], MODELS) is AttentionViT
    assert is_kind(backbone, MODELS, VisionTransformer)


def test_a_subclass_is_its_parent_and_not_the_reverse():
    for parent in ('AttentionViT', OURS, AttentionViT, 'mmpretrain.VisionTransformer'):
        assert is_kind(dict(type=MyViT), MODELS, parent)
        assert is_kind(dict(type=f'{__name__}.MyViT'), MODELS, parent)
    assert not is_kind(dict(type=AttentionViT), MODELS, MyViT)
    assert not is_kind(dict(type='AttentionViT'), MODELS, 'ResNet')
    assert not is_kind(dict(type='NoSuchThing'), MODELS, 'ResNet')
    assert not is_kind(dict(type='NoSuchThing'), MODELS, 'NeitherThis')
    assert not is_kind({}, MODELS, 'ResNet')
    assert is_kind(dict(type='ResNet'), MODELS, 'AttentionViT', 'ResNet')


def test_origin():
    assert is_from('AttentionViT', MODELS) and is_from(OURS, MODELS)
    assert not is_from(MyViT, MODELS) and not is_from('ResNet', MODELS)
    assert not is_from('NoSuchThing', MODELS)
    assert is_from('WholeImageBBox', TRANSFORMS)


@pytest.mark.parametrize('kind,text', [
    (ResNet, 'ResNet'), (VisionTransformer, 'mmpretrain.VisionTransformer'),
    ('mmpose.models.HeatmapHead', 'HeatmapHead'), (OURS, 'AttentionViT'),
    ('mmpretrain.VisionTransformer', 'mmpretrain.VisionTransformer'), ('ResNet', 'ResNet'),
    ('NoSuchThing', 'NoSuchThing'), (MyViT, f'{__name__}.MyViT')])
def test_text_for_a_config_file(kind, text):
    assert written(kind, MODELS) == text
    if kind != 'NoSuchThing':
        assert resolve(text, MODELS) is resolve(kind, MODELS)


@pytest.mark.parametrize('kind', ['Pretrained', 'class'])
def test_preflight_knows_pretrained_files_however_they_are_written(kind):
    parent = WEIGHT_INITIALIZERS.get('Pretrained')
    init_cfg = dict(type=parent if kind == 'class' else kind, checkpoint='nowhere.pth')
    for given in (init_cfg, [init_cfg], (init_cfg,)):
        with pytest.raises(FileNotFoundError, match='init_cfg of x=nowhere.pth does not exist'):
            PreflightHook()._check_init_cfg(given, 'init_cfg of x')
    PreflightHook()._check_init_cfg(dict(type='Normal', layer='Conv2d'), 'init_cfg of x')


@pytest.mark.parametrize('kind', ['mmengine.model.PretrainedInit', 'mine'])
def test_spellings_that_mmengine_takes_for_random_weights_are_refused(kind):
    if kind == 'mine':
        kind = type('Mine', (WEIGHT_INITIALIZERS.get('Pretrained'),), {})
    with pytest.raises(ValueError, match="overwrite the loaded weights .* Write type='Pretrained'"):
        PreflightHook()._check_init_cfg(dict(type=kind, checkpoint='nowhere.pth'), 'init_cfg of x')


def test_a_loaded_vit_keeps_its_positions(monkeypatch):
    """position_init must not overwrite what any spelling of Pretrained loads."""
    arch = dict(embed_dims=16, num_layers=1, num_heads=1, feedforward_channels=16)
    init_cfg = dict(type=WEIGHT_INITIALIZERS.get('Pretrained'), checkpoint='file.pth')
    model = AttentionViT(arch=arch, img_size=32, patch_size=8, position_init='sincos',
                         init_cfg=init_cfg)
    monkeypatch.setattr(VisionTransformer, 'init_weights', lambda self: None)
    before = model.pos_embed.clone()
    model.init_weights()
    assert model.pos_embed.equal(before)
