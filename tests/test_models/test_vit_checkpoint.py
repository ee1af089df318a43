"""Checkpoints of every format give the same function; what does not fit is named."""
import logging
import sys

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from torch.nn import functional as F

from udapose.models.utils.position_embedding import fit_position_embedding
from udapose.models.utils.pretrained_vit import PretrainedLast, PretrainedViT
from udapose.models.utils.vit_checkpoint import encoder_state_dict, load_vit, read_state_dict

ARCH = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)


def vit(kind='AttentionViT', seed=0, **kwargs):
    torch.manual_seed(seed)
    model = MODELS.build({**dict(type=kind, arch=ARCH, img_size=32, patch_size=8,
                                 out_type='featmap'), **kwargs})
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    model.eval()
    return model


def to_timm(state):
    """mmpretrain's names to timm's and Facebook's, written out by hand."""
    names = {'patch_embed.projection.weight': 'patch_embed.proj.weight',
             'patch_embed.projection.bias': 'patch_embed.proj.bias',
             'ln1.weight': 'norm.weight', 'ln1.bias': 'norm.bias',
             'cls_token': 'cls_token', 'pos_embed': 'pos_embed'}
    for i in range(2):
        for end in ('weight', 'bias'):
            for ours, theirs in (('ln1', 'norm1'), ('ln2', 'norm2'), ('attn.qkv', 'attn.qkv'),
                                 ('attn.proj', 'attn.proj'), ('ffn.layers.0.0', 'mlp.fc1'),
                                 ('ffn.layers.1', 'mlp.fc2')):
                names[f'layers.{i}.{ours}.{end}'] = f'blocks.{i}.{theirs}.{end}'
    return {names[k]: v for k, v in state.items()}


def to_hugging_face(state, version):
    """mmpretrain's names to those of transformers 4 and 5, written out by hand."""
    names = {'patch_embed.projection.weight': 'embeddings.patch_embeddings.projection.weight',
             'patch_embed.projection.bias': 'embeddings.patch_embeddings.projection.bias',
             'ln1.weight': 'layernorm.weight', 'ln1.bias': 'layernorm.bias',
             'cls_token': 'embeddings.cls_token', 'pos_embed': 'embeddings.position_embeddings'}
    layer, inner = (('encoder.layer', dict(proj='attention.output.dense', up='intermediate.dense',
                                           down='output.dense')),
                    ('layers', dict(proj='attention.o_proj', up='mlp.fc1', down='mlp.fc2'))
                    )[version - 4]
    parts = (('attention.attention.query', 'attention.attention.key', 'attention.attention.value'),
             ('attention.q_proj', 'attention.k_proj', 'attention.v_proj'))[version - 4]
    renamed = {}
    for i in range(2):
        for end in ('weight', 'bias'):
            for ours, theirs in (('ln1', 'layernorm_before'), ('ln2', 'layernorm_after'),
                                 ('attn.proj', inner['proj']), ('ffn.layers.0.0', inner['up']),
                                 ('ffn.layers.1', inner['down'])):
                names[f'layers.{i}.{ours}.{end}'] = f'{layer}.{i}.{theirs}.{end}'
            if state:
                thirds = state[f'layers.{i}.attn.qkv.{end}'].chunk(3)
                renamed.update({f'{layer}.{i}.{name}.{end}': third
                                for name, third in zip(parts, thirds, strict=True)})
    return {**renamed, **{names[k]: v for k, v in state.items() if 'qkv' not in k}}


def prefixed(prefix, state):
    return {f'{prefix}{k}': v for k, v in state.items()}


def formats(state):
    timm, extra = to_timm(state), torch.ones(1)
    decoder = {'mask_token': torch.ones(1, 1, 8), 'decoder_embed.weight': torch.ones(8, 16),
               'decoder_pos_embed': torch.ones(1, 17, 8)}
    return dict(
        facebook_mae=dict(model={**timm, **decoder}), facebook_bare={**timm, **decoder},
        timm={**timm, 'head.weight': torch.ones(10, 16), 'head.bias': torch.ones(10)},
        mmpretrain=dict(meta={}, state_dict={**prefixed('backbone.', state), 'head.fc.w': extra}),
        vitpose=dict(state_dict={**prefixed('backbone.', state), 'head.final_layer.bias': extra}),
        first_vitpose=dict(state_dict=prefixed('backbone.', {
            k.replace('norm.', 'last_norm.') if k.startswith('norm.') else k: v
            for k, v in timm.items()})),
        hugging_face={**to_hugging_face(state, 4), 'pooler.dense.bias': extra},
        hugging_face_mae={**prefixed('vit.', to_hugging_face(state, 4)),
                          **prefixed('decoder.', decoder)},
        hugging_face_5=to_hugging_face(state, 5),
        weighted_mae=dict(state_dict={**prefixed('backbone.', state), 'neck.pos_embed': extra,
                                      'neck.mask_token': extra}),
        wrapped=dict(state_dict={
            **prefixed('pose_model.backbone.', state),
            **prefixed('auxiliary.', {k: v + 1 for k, v in state.items()})}),
        bare=state)


@pytest.mark.parametrize('name', formats(to_timm({}) or vit().state_dict()))
def test_every_format_gives_the_same_function(name, tmp_path):
    source, target = vit(seed=1), vit(seed=2)
    path = tmp_path / f'{name}.pth'
    torch.save(formats(source.state_dict())[name], path)
    images = torch.randn(2, 3, 32, 32)
    assert not torch.allclose(source(images)[0], target(images)[0])
    PretrainedViT(str(path))(target)
    assert torch.equal(source(images)[0], target(images)[0])


def test_a_file_of_safetensors(tmp_path, monkeypatch):
    from safetensors.torch import save_file
    source, target = vit(seed=1), vit(seed=2)
    path = tmp_path / 'model.safetensors'
    state = prefixed('vit.', to_hugging_face(source.state_dict(), 4))
    save_file({k: v.contiguous() for k, v in state.items()}, path)
    load_vit(target, str(path))
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(source(images)[0], target(images)[0])
    (tmp_path / 'cut.safetensors').write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RuntimeError, match='cut.safetensors cannot be read'):
        load_vit(target, str(tmp_path / 'cut.safetensors'))
    monkeypatch.setitem(sys.modules, 'safetensors.torch', None)
    with pytest.raises(RuntimeError, match='model.safetensors.*pip install safetensors'):
        load_vit(target, str(path))


@pytest.mark.parametrize('names', [
    ('blocks.1.ls1.gamma', 'blocks.1.ls2.gamma'),
    ('encoder.layer.1.layer_scale1.lambda1', 'encoder.layer.1.layer_scale2.lambda1')])
def test_layer_scale(names):
    model = vit(layer_scale_init_value=0.1)
    state = encoder_state_dict(dict.fromkeys(names, torch.ones(16)))
    assert len(state) == 2 and set(state) <= set(model.state_dict())


@pytest.mark.parametrize('size', [32, (64, 48)])
@pytest.mark.parametrize('form', ['vitpose', 'hugging_face'])
def test_a_class_tokens_row_without_a_class_token_is_added_to_all_patches(form, size):
    """As ViTPose's first code and Hugging Face's do: x + positions[:, 1:] + positions[:, :1]."""
    source = vit(seed=1, with_cls_token=False, img_size=size)
    state = source.state_dict()
    row = torch.randn(1, 1, 16)
    state['pos_embed'] = torch.cat([row, state['pos_embed'] - row], 1)
    if form == 'hugging_face':
        state = prefixed('backbone.', to_hugging_face(state, 4))
    else:
        state = prefixed('backbone.', {
            k.replace('norm.', 'last_norm.') if k.startswith('norm.') else k: v
            for k, v in to_timm(state).items()})
    target = vit(seed=2, with_cls_token=False, img_size=size)
    load_vit(target, dict(state_dict=state))
    images = torch.randn(2, 3, *(target.img_size))
    torch.testing.assert_close(target(images)[0], source(images)[0])


def test_a_part_of_hugging_faces_projection_that_is_missing_is_said():
    state = to_hugging_face(vit().state_dict(), 4)
    lost = 'encoder.layer.1.attention.attention.key.bias'
    del state[lost]
    found = encoder_state_dict(state)
    assert 'layers.1.attn.qkv.bias' not in found and 'layers.0.attn.qkv.bias' in found
    assert 'layers.1.attention.attention.query.bias' in found  # listed as not used


def test_a_checkpoint_with_two_transformers_needs_a_prefix():
    a, b = vit(seed=1), vit(seed=2)
    both = dict(state_dict={**prefixed('student.backbone.', a.state_dict()),
                            **prefixed('teacher.backbone.', b.state_dict())})
    target, images = vit(), torch.randn(1, 3, 32, 32)
    with pytest.raises(ValueError, match='student.backbone.*teacher.backbone.*prefix'):
        load_vit(target, both)
    load_vit(target, both, prefix='teacher.backbone')
    assert torch.equal(target(images)[0], b(images)[0])
    with pytest.raises(ValueError, match="'encoder.'"):
        load_vit(target, both, prefix='encoder')


# ---------------------------------------------------------------- position embedding
def ramp(height, width, slope=(2., 3.)):
    """Values that are linear in the position on the image, at the patches' centres."""
    y = (torch.arange(height) + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    return (slope[0] * y[:, None] + slope[1] * x).reshape(1, -1, 1)


@pytest.mark.parametrize('source,target', [((14, 14), (16, 12)), ((16, 12), (14, 14)),
                                           ((8, 6), (16, 12)), ((14, 14), (8, 8))])
@pytest.mark.parametrize('source_extra', [0, 1])
@pytest.mark.parametrize('extra', [0, 1])
def test_position_embedding_keeps_positions(source, target, source_extra, extra):
    """A linear function of the position stays this function, rows and columns not exchanged."""
    token = torch.full((1, source_extra, 1), 7.)
    given = torch.cat([token, ramp(*source)], 1)
    found = fit_position_embedding(given, target, extra, source_extra=source_extra,
                                   source_grid=source)
    assert found.shape == (1, extra + target[0] * target[1], 1)
    inner = found[:, extra:].view(target)[3:-3, 3:-3]  # at the border, bicubic is not linear
    expected = ramp(*target).view(target)[3:-3, 3:-3]
    assert (inner - expected).abs().max() < 0.04  # a step is 0.16 and more
    if extra:
        assert found[0, 0, 0] == (7. if source_extra else 0.)
    if source != (8, 6) or source_extra == 0:  # 8 x 6 and a class token is 7 x 7: ask
        guessed = fit_position_embedding(given, target, extra, source_extra=source_extra)
        assert torch.equal(guessed, found)


def test_equal_grids_are_left_alone():
    given = torch.randn(1, 193, 4)
    assert torch.equal(fit_position_embedding(given, (16, 12), 1), given)
    assert torch.equal(fit_position_embedding(given, (16, 12), 0), given[:, 1:])
    distilled = torch.randn(1, 198, 4)
    assert torch.equal(fit_position_embedding(distilled, (14, 14), 1),
                       torch.cat([distilled[:, :1], distilled[:, 2:]], 1))


def test_grids_that_cannot_be_guessed():
    with pytest.raises(ValueError, match='20 tokens.*source_grid'):
        fit_position_embedding(torch.zeros(1, 20, 4), (4, 4), 0)
    assert fit_position_embedding(torch.zeros(1, 20, 4), (4, 4), 0,
                                  source_grid=(10, 2)).shape == (1, 16, 4)
    with pytest.raises(ValueError, match='not 3 x 3'):
        fit_position_embedding(torch.zeros(1, 20, 4), (4, 4), 0, source_grid=(3, 3))


def test_class_token_decides_between_two_grids():
    """49 tokens: 8 x 6 patches with a class token, or 7 x 7 without one."""
    for with_token, size in ((True, (64, 48)), (False, (56, 56))):
        source = vit(img_size=size, with_cls_token=with_token)
        assert source.pos_embed.shape[1] == 49
        target = vit(img_size=(128, 96), with_cls_token=False)
        load_vit(target, source.state_dict())
        patches = source.pos_embed[:, int(with_token):].unflatten(1, [s // 8 for s in size])
        expected = F.interpolate(patches.permute(0, 3, 1, 2), size=(16, 12), mode='bicubic',
                                 align_corners=False)
        torch.testing.assert_close(target.pos_embed, expected.flatten(2).transpose(1, 2))


@pytest.mark.parametrize('source_grid', [None, (4, 4)])
@pytest.mark.parametrize('size', [32, (64, 48)])
@pytest.mark.parametrize('with_token', [True, False])
def test_a_class_token_without_a_position(source_grid, size, with_token):
    """timm's no_embed_class (DeiT III): a class token, and 16 positions for 4 x 4 patches."""
    source, images = vit(seed=1), torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        source.pos_embed[:, 0] = 0  # the same function
    state = to_timm(source.state_dict())
    state['pos_embed'] = state['pos_embed'][:, 1:]
    target = vit(img_size=size, seed=2, with_cls_token=with_token)
    load_vit(target, state, source_grid=source_grid)
    if size == 32 and with_token:
        assert torch.equal(target(images)[0], source(images)[0])
    extra, grid = int(with_token), target.patch_embed.init_out_size
    assert not target.pos_embed[:, :extra].any()
    expected = fit_position_embedding(source.pos_embed[:, 1:], grid, 0, source_grid=(4, 4))
    torch.testing.assert_close(target.pos_embed[:, extra:], expected)


def test_no_grid_with_or_without_a_class_token():
    state = vit().state_dict()
    state['pos_embed'] = torch.zeros(1, 20, 16)
    with pytest.raises(ValueError, match='20 tokens.*give the right source_grid'):
        load_vit(vit(), state)
    for grid in ((10, 2), (19, 1)):  # the remedy, both ways
        load_vit(vit(), state, source_grid=grid)


def test_into_a_masked_autoencoders_encoder():
    source, target = vit(), vit('mmpretrain.MAEViT', seed=2)
    load_vit(target, to_timm(source.state_dict()))
    images = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(target(images, mask=None)[0], source(images)[0])


# ---------------------------------------------------------------- as an initializer
@pytest.mark.parametrize('kind', ['AttentionViT', 'mmpretrain.VisionTransformer'])
@pytest.mark.parametrize('scope', ['mmpose', 'mmpretrain', None])
@pytest.mark.parametrize('as_list', [False, True])
def test_nothing_overwrites_the_weights_afterwards(kind, scope, as_list, tmp_path):
    """MMEngine and mmpretrain initialise again after initializers other than `Pretrained`."""
    torch.save(vit(seed=1).state_dict(), tmp_path / 'file.pth')
    cfg = dict(type='PretrainedViT', checkpoint=str(tmp_path / 'file.pth'))
    target = vit(kind, init_cfg=[cfg] if as_list else cfg)
    with DefaultScope.overwrite_default_scope(scope):
        target.init_weights()
    for key, value in vit(seed=1).state_dict().items():
        assert torch.equal(target.state_dict()[key], value), key


@pytest.mark.parametrize('as_list', [False, True])
def test_a_sincos_start_does_not_replace_what_was_loaded(as_list, tmp_path):
    full = vit(seed=3)
    with torch.no_grad():
        full.pos_embed.normal_()
    torch.save(full.state_dict(), tmp_path / 'vit.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'vit.pth'))
    other = vit(position_init='sincos', init_cfg=[init] if as_list else init)
    other.init_weights()
    assert torch.equal(other.pos_embed, full.pos_embed)


def test_other_initializers_act_before_it(tmp_path):
    state = vit(seed=1).state_dict()
    del state['cls_token']
    torch.save(state, tmp_path / 'file.pth')
    target = vit(init_cfg=[dict(type='PretrainedViT', checkpoint=str(tmp_path / 'file.pth')),
                           dict(type='Constant', val=5., layer='Linear')])
    target.init_weights()
    assert torch.equal(target.layers[0].attn.qkv.weight, state['layers.0.attn.qkv.weight'])
    assert isinstance(target.init_cfg, list) and len(target.init_cfg) == 2


def test_mixed_into_a_masked_autoencoders_encoder(tmp_path):
    from mmpretrain.models.selfsup.mae import MAEViT

    class Ours(PretrainedLast, MAEViT):
        pass

    torch.save(vit(seed=1).state_dict(), tmp_path / 'file.pth')
    model = Ours(arch=ARCH, img_size=32, patch_size=8, init_cfg=dict(
        type='PretrainedViT', checkpoint=str(tmp_path / 'file.pth')))
    model.init_weights()
    for key, value in vit(seed=1).state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


def test_a_folder_stands_for_its_last_checkpoint(tmp_path):
    torch.save(dict(state_dict=vit().state_dict()), tmp_path / 'iter_20.pth')
    with pytest.raises(FileNotFoundError, match='last_checkpoint'):
        read_state_dict(str(tmp_path))
    # the training's folder was elsewhere
    (tmp_path / 'last_checkpoint').write_text('/gone/iter_20.pth')
    assert 'pos_embed' in read_state_dict(str(tmp_path))
    assert 'pos_embed' in read_state_dict(tmp_path)  # a pathlib.Path
    assert PretrainedViT(tmp_path).checkpoint == str(tmp_path)


def test_what_was_loaded_and_what_was_not_is_logged():
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    try:
        state = vit(img_size=(32, 16)).state_dict()
        del state['cls_token'], state['ln1.bias']
        load_vit(vit(), {**prefixed('backbone.', state), 'backbone.other': torch.ones(1),
                         'neck.weight': torch.ones(1)}, source_grid=(4, 2))
    finally:
        logger.removeHandler(handler)
    text = ' '.join(lines)
    assert '28 of 30 entries' in text and 'cls_token, ln1.bias' in text
    assert 'not used: other, neck.weight' in text
    assert 'from 9 to 17 tokens (4 x 4 patches and a class token)' in text


def test_the_grid_of_a_crop_that_is_not_square_is_logged(monkeypatch):
    said = []
    monkeypatch.setattr('udapose.models.utils.vit_checkpoint.print_log',
                        lambda text, **_: said.append(text))
    load_vit(vit(img_size=(32, 16)), vit(img_size=(16, 32)).state_dict())  # nobody can tell
    assert 'read as 4 x 2 patches (rows, columns)' in said.pop()
    load_vit(vit(), vit().state_dict())
    assert 'patches' not in said.pop()


# ---------------------------------------------------------------- what does not fit
@pytest.mark.parametrize('arch,kwargs,words', [
    (dict(embed_dims=24), {}, ['width (embed_dims) is 24 in the checkpoint and 16 in the model']),
    (dict(num_layers=3), {}, ['depth (num_layers) is 3 in the checkpoint and 2']),
    (dict(feedforward_channels=64), {}, ['hidden width (feedforward_channels) is 64']),
    ({}, dict(patch_size=16), ['patch size is (16, 16) in the checkpoint and (8, 8)']),
    (dict(embed_dims=24, num_layers=3), {}, ['width (embed_dims)', 'depth (num_layers)'])])
def test_what_differs_is_named_and_nothing_is_changed(arch, kwargs, words):
    target = vit()
    before = {k: v.clone() for k, v in target.state_dict().items()}
    with pytest.raises(ValueError) as error:
        load_vit(target, vit(arch={**ARCH, **arch}, **kwargs).state_dict())
    assert all(word in str(error.value) for word in words)
    assert ('width' in str(error.value)) == any('width' in word for word in words)
    assert all(torch.equal(v, before[k]) for k, v in target.state_dict().items())


def test_no_transformer_no_weights_no_file(tmp_path):
    with pytest.raises(ValueError, match='no vision transformer.*backbone.conv1.weight'):
        load_vit(vit(), {'backbone.conv1.weight': torch.ones(1)})
    with pytest.raises(ValueError, match='holds no weights, only meta'):
        load_vit(vit(), dict(meta={}))
    with pytest.raises(FileNotFoundError, match='run the pre-training first'):
        PretrainedViT(str(tmp_path / 'none.pth'))(vit())
    torch.save(vit().state_dict(), tmp_path / 'cut.pth')
    (tmp_path / 'cut.pth').write_bytes((tmp_path / 'cut.pth').read_bytes()[:900])
    torch.save([1], tmp_path / 'list.pth')
    (tmp_path / 'empty.pth').touch()
    for name in ('cut', 'list', 'empty'):  # PyTorch: 'pop from empty list', 'Invalid argument'
        with pytest.raises(RuntimeError, match=f'the checkpoint .*{name}.pth (cannot be|holds a)'):
            PretrainedViT(str(tmp_path / f'{name}.pth'))(vit())
    odd = {**vit().state_dict(), 'layers.0.attn.qkv.weight': torch.ones(3, 16)}
    with pytest.raises(ValueError, match=r'layers.0.attn.qkv.weight \(3, 16\) instead'):
        load_vit(vit(), odd)
