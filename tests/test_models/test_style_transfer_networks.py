"""AdaIN's networks: both VGG files, decoders, the losses that train them, and bad files."""
import copy

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from mmengine.config import ConfigDict
from mmengine.dataset import default_collate
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS
from torch import nn

from udapose.models.style_transfer import (
    AdaINStyleTransfer,
    SmallStyleDecoder,
    SmallStyleEncoder,
    StyleDecoder,
    VGG19StyleEncoder,
    channel_statistics,
)
from udapose.models.style_transfer.losses import gram_matrix, style_distance
from udapose.models.style_transfer.small import lapped_transform

W = 4  # a narrow VGG: widths 4, 8, 16, 32
SMALL = dict(type='AdaINStyleTransfer', encoder=dict(type='SmallStyleEncoder'),
             decoder=dict(type='SmallStyleDecoder'), reconstruction_weight=1.)


def narrow_layers(batch_norm=False, depth=19):
    stages = [(W, 2), (2 * W, 2), (4 * W, 4), (8 * W, 4), (8 * W, 4)] if depth == 19 else \
        [(W, 2), (2 * W, 2), (4 * W, 3), (8 * W, 3), (8 * W, 3)]
    plan = sum([[width] * count + ['M'] for width, count in stages], [])
    layers = torchvision.models.vgg.make_layers(plan, batch_norm)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')
    return layers


def normalised_vgg():
    """The usual layout of the normalised VGG, narrow."""
    layers, last = [nn.Conv2d(3, 3, 1)], 3
    for width, count, pool in ((W, 2, 1), (2 * W, 2, 1), (4 * W, 4, 1), (8 * W, 4, 1),
                               (8 * W, 4, 0)):
        for _ in range(count):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(last, width, 3), nn.ReLU()]
            last = width
        if pool:
            layers.append(nn.MaxPool2d(2, 2, 0, ceil_mode=True))
    return nn.Sequential(*layers)


def published_decoder():
    pad, up = nn.ReflectionPad2d(1), nn.Upsample(scale_factor=2, mode='nearest')
    conv = nn.Conv2d
    return nn.Sequential(
        pad, conv(8 * W, 4 * W, 3), nn.ReLU(), up, pad, conv(4 * W, 4 * W, 3), nn.ReLU(), pad,
        conv(4 * W, 4 * W, 3), nn.ReLU(), pad, conv(4 * W, 4 * W, 3), nn.ReLU(), pad,
        conv(4 * W, 2 * W, 3), nn.ReLU(), up, pad, conv(2 * W, 2 * W, 3), nn.ReLU(), pad,
        conv(2 * W, W, 3), nn.ReLU(), up, pad, conv(W, W, 3), nn.ReLU(), pad, conv(W, 3, 3))


def save(state, path):
    torch.save(state, path)
    return str(path)


@pytest.fixture
def vgg_file(tmp_path):
    """A narrow VGG in torchvision's format."""
    torch.manual_seed(0)
    return save(narrow_layers().state_dict(), tmp_path / 'vgg19.pth')


# ---------------------------------------------------------------------------- files
@pytest.mark.parametrize('whole', [True, False])
def test_torchvision_file(whole, tmp_path):
    """Equals torchvision's own layers, with their padding changed to reflection."""
    layers = narrow_layers()
    state = layers.state_dict()
    if whole:
        state = {f'features.{k}': v for k, v in state.items()}
        state['classifier.0.weight'] = torch.zeros(2, 2)
    encoder = VGG19StyleEncoder(save(state, tmp_path / 'vgg19-dcbb9e9d.pth'), width=W)
    assert encoder.kind == 'torchvision'
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode, layer._reversed_padding_repeated_twice = 'reflect', [1] * 4
    images = torch.rand(2, 3, 32, 40)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1)
                 for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    ours = encoder(images)
    assert len(ours) == 4 and ours[-1].shape == (2, 8 * W, 4, 5)
    for feature, end in zip(ours, (2, 7, 12, 21), strict=True):
        expected = layers[:end]((images - mean) / std)
        torch.testing.assert_close(feature, expected, rtol=1e-4, atol=1e-5)
        assert feature.std() > 0


def test_normalised_file(tmp_path):
    layers = normalised_vgg()
    encoder = VGG19StyleEncoder(save(layers.state_dict(), tmp_path / 'vgg_normalised.pth'), W)
    assert encoder.kind == 'normalised'
    images = torch.rand(2, 3, 35, 42)  # odd: pooling rounds up
    for feature, end in zip(encoder(images), (4, 11, 18, 31), strict=True):
        torch.testing.assert_close(feature, layers[:end](images), rtol=1e-4, atol=1e-6)


def test_real_widths():
    with torch.device('meta'):
        layers = torchvision.models.vgg19().features
    convs = [m.weight.shape for m in layers if isinstance(m, nn.Conv2d)][:9]
    encoder = VGG19StyleEncoder()
    assert [c.weight.shape for c in encoder.convs] == convs
    assert encoder.channels == (64, 128, 256, 512)
    shapes = [tuple(m.weight.shape[:2]) for m in StyleDecoder().layers if hasattr(m, 'weight')]
    assert shapes == [(256, 512), (256, 256), (256, 256), (256, 256), (128, 256), (128, 128),
                      (64, 128), (64, 64), (3, 64)]


def test_published_decoder(tmp_path):
    reference = published_decoder()
    decoder = StyleDecoder(save(reference.state_dict(), tmp_path / 'decoder.pth'), W)
    assert decoder.kind == 'published'
    features = torch.rand(2, 8 * W, 4, 5)
    torch.testing.assert_close(decoder(features), reference(features))
    assert decoder(features).shape == (2, 3, 32, 40)
    again = StyleDecoder(save(decoder.state_dict(), tmp_path / 'own.pth'), W)
    trained = {'state_dict': {f'decoder.{k}': v for k, v in decoder.state_dict().items()}}
    third = StyleDecoder(save(trained, tmp_path / 'iter_1.pth'), W)
    assert again.kind == third.kind == 'own'
    assert torch.equal(again(features), decoder(features))
    assert torch.equal(third(features), decoder(features))


def test_vgg_is_frozen_and_in_no_checkpoint(vgg_file):
    encoder = VGG19StyleEncoder(vgg_file, width=W)
    assert not list(encoder.parameters()) and not encoder.state_dict()
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    encoder(images)[-1].sum().backward()
    assert images.grad.abs().sum() > 0
    # random weights are nowhere else, so they are kept
    assert len(VGG19StyleEncoder(width=W).state_dict()) == 20
    double = copy.deepcopy(encoder).double()
    assert double(images.double())[-1].dtype == torch.float64


def vgg_model(vgg_file, **kwargs):
    return MODELS.build(dict(
        type='AdaINStyleTransfer', encoder=dict(type='VGG19StyleEncoder', weights=vgg_file,
                                                width=W),
        decoder=dict(type='StyleDecoder', width=W), **kwargs))


def test_checkpoint_round_trip(vgg_file, tmp_path):
    images, styles = torch.rand(2, 2, 3, 32, 32)
    for build in (lambda **k: vgg_model(vgg_file, **k), lambda **k: MODELS.build(dict(SMALL, **k))):
        model = perturbed(build())
        path = save(dict(state_dict=model.state_dict()), tmp_path / 'iter_1.pth')
        other = build()
        expected = model(images, model.encode_style(styles), 0.7)
        assert not torch.equal(other(images, other.encode_style(styles), 0.7), expected)
        loaded = build(checkpoint=path)
        assert torch.equal(loaded(images, loaded.encode_style(styles), 0.7), expected)


@pytest.mark.parametrize('build, content, words', [
    (VGG19StyleEncoder, None, ['does not exist', 'torchvision', 'AdaIN-style',
                               'ChannelStatisticsTransfer', 'FourierAmplitudeTransfer', 'small']),
    (StyleDecoder, None, ['does not exist', 'AdaIN-style', 'ChannelStatisticsTransfer']),
    (VGG19StyleEncoder, 'text', ['cannot be read']),
    (VGG19StyleEncoder, dict(a=torch.zeros(1)), ['does not hold', 'starts with a']),
    (VGG19StyleEncoder, 'vgg16', ['features.16.weight', 'VGG-16']),
    (VGG19StyleEncoder, 'bn', ['features.2.weight', 'batch']),
    (StyleDecoder, 'vgg16', ['does not hold', '1.weight', 'found nothing']),
], ids=lambda v: getattr(v, '__name__', None))
def test_bad_files_are_named(build, content, words, tmp_path):
    path = tmp_path / 'weights.pth'
    if content == 'text':
        path.write_text('not a checkpoint')
    elif content in ('vgg16', 'bn'):
        layers = narrow_layers(content == 'bn', 16 if content == 'vgg16' else 19)
        save({f'features.{k}': v for k, v in layers.state_dict().items()}, path)
    elif content:
        save(content, path)
    with pytest.raises((FileNotFoundError, ValueError)) as error:
        build(str(path), width=W)
    for word in [str(path), *words]:
        assert word in str(error.value), word


def test_wrong_widths_are_told(vgg_file, tmp_path):
    with pytest.raises(ValueError, match=r'0\.weight should be \(64, 3, 3, 3\), found \(4, 3'):
        VGG19StyleEncoder(vgg_file)
    decoder = save(published_decoder().state_dict(), tmp_path / 'd.pth')
    with pytest.raises(ValueError, match=r'1\.weight should be \(256, 512'):
        StyleDecoder(decoder)


def test_bad_checkpoints_are_told(vgg_file, tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.pth.*udapose train'):
        MODELS.build(dict(SMALL, checkpoint='nowhere.pth'))
    path = save(vgg_model(vgg_file).state_dict(), tmp_path / 'iter_1.pth')
    with pytest.raises(ValueError, match='iter_1.pth does not fit.*missing encoder.*unknown dec'):
        MODELS.build(dict(SMALL, checkpoint=path))
    small = save(MODELS.build(SMALL).state_dict(), tmp_path / 'iter_2.pth')
    with pytest.raises(ValueError, match='another shape encoder'):
        MODELS.build(dict(
            SMALL, encoder=dict(type='SmallStyleEncoder', channels=(8, 64, 64)), checkpoint=small))
    with pytest.raises(ValueError, match=r'encoder=dict\(weights=...\)'):
        vgg_model(None, checkpoint=path)


def test_unmatched_vgg_and_decoder_are_told(vgg_file, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr('udapose.models.style_transfer.part_checks.print_log',
                        lambda message, **kwargs: told.append(message))
    decoder = save(published_decoder().state_dict(), tmp_path / 'decoder.pth')
    normalised = save(normalised_vgg().state_dict(), tmp_path / 'normalised.pth')
    for file in (normalised, vgg_file):
        assert not told
        MODELS.build(dict(
            type='AdaINStyleTransfer', encoder=dict(type='VGG19StyleEncoder', weights=file,
                                                    width=W),
            decoder=dict(type='StyleDecoder', weights=decoder, width=W)))
    assert len(told) == 1 and 'expect wrong colours' in told[0] and vgg_file not in told[0]


# ---------------------------------------------------------------------------- small networks
def test_lapped_transform_reconstructs():
    kernels = lapped_transform()
    flat = kernels.flatten(1)
    torch.testing.assert_close(flat @ flat.T, torch.eye(48), atol=1e-5, rtol=0)
    images = torch.rand(2, 3, 24, 32)
    bands = F.conv2d(images, kernels, stride=4)
    back = F.conv_transpose2d(bands, kernels, stride=4)
    torch.testing.assert_close(back[..., 4:-4, 4:-4], images[..., 4:-4, 4:-4])
    flat = F.conv2d(torch.ones(1, 3, 8, 8), kernels).flatten()
    assert flat[:3].min() > 1 and flat[3:].abs().max() < 1e-5
    with pytest.raises(ValueError, match='exceed the 48'):
        SmallStyleEncoder((8, 8, 48))


def test_small_networks_begin_with_the_image():
    images = F.avg_pool2d(torch.rand(2, 3, 68, 68), 5, 1, 2)[..., :64, :64]
    features = SmallStyleEncoder()(images)
    assert [f.shape[1:] for f in features] == [(32, 32, 32), (64, 16, 16), (64, 16, 16)]
    back = SmallStyleDecoder()(features[-1])
    assert (back - images)[..., 4:-4, 4:-4].abs().max() < 1e-4


# ---------------------------------------------------------------------------- model
def perturbed(model):
    """Away from the beginning, where the small decoder is an exact inverse."""
    for parameter in model.parameters():
        parameter.data += 0.01 * torch.randn_like(parameter)
    return model


@pytest.fixture(scope='module')
def small():
    torch.manual_seed(0)
    return perturbed(MODELS.build(SMALL))


def test_alpha(small):
    content, style = torch.rand(2, 3, 3, 32, 32)
    code = small.encode_style(style)
    assert code.shape == (3, 64, 2) and code.dtype == torch.float32
    plain = small.decoder(small.encoder(content)[-1])
    torch.testing.assert_close(small(content, code, 0.), plain)
    alpha = torch.tensor([0., 0.5, 1.]).view(3, 1, 1, 1)
    mixed = small(content, code, alpha)
    for i in range(3):
        torch.testing.assert_close(mixed[i], small(content, code, float(alpha[i]))[i])
    assert (mixed[2] - plain[2]).abs().max() > 0.01
    # codes can be cached and drawn
    torch.testing.assert_close(small(content, code[[2, 2, 0]], 1.)[1], small(
        content[1:2], code[2:], 1.)[0])
    torch.testing.assert_close(small(dict(content=content, style=style)), small(content, code))


def test_stylised_features_have_the_styles_statistics(small, vgg_file):
    content, style = torch.rand(2, 3, 3, 32, 32)
    seen = []
    for model in (vgg_model(vgg_file), small):
        handle = model.decoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        model(content, model.encode_style(style), 1.)
        handle.remove()
    ours, theirs = channel_statistics(seen[0]), vgg_model(vgg_file).encode_style(style)
    varied = channel_statistics(vgg_model(vgg_file).encoder(content)[-1])[..., 1] > 0.1
    varied &= theirs[..., 1] > 0.1
    assert varied.sum() > 10
    torch.testing.assert_close(ours[varied], theirs[varied], atol=1e-4, rtol=0)
    # the small encoder's bands are only scaled: no grid on flat areas
    ours, theirs = channel_statistics(seen[1]), small.encode_style(style)
    varied = small.encode_style(content)[..., 1] > 0.1
    torch.testing.assert_close(ours[..., 1][varied], theirs[..., 1][varied], atol=1e-4, rtol=1e-3)
    bands = torch.arange(64).ge(3) & torch.arange(64).lt(48)
    torch.testing.assert_close(ours[:, ~bands, 0], theirs[:, ~bands, 0], atol=1e-4, rtol=0)
    own = small.encode_style(content)
    torch.testing.assert_close((ours[..., 0] / ours[..., 1])[:, bands],
                               (own[..., 0] / own[..., 1])[:, bands], atol=1e-4, rtol=0)


def test_small_network_puts_no_grid_on_flat_areas():
    """Stripes as style; their bands' means are not zero."""
    model = MODELS.build(SMALL)
    content = F.interpolate(torch.rand(1, 3, 2, 2), scale_factor=32)
    style = torch.linspace(0, 8, 64).frac().expand(1, 3, 64, 64)
    flat = model(content, model.encode_style(style))[..., 10:22, 10:22]
    assert model.encode_style(style)[0, 3:48, 0].abs().max() > 0.2
    assert (flat.amax((2, 3)) - flat.amin((2, 3))).max() < 1e-3


@pytest.mark.parametrize('size', [(50, 37), (9, 64), (64, 64)])
def test_any_size(size, small, vgg_file):
    content, style = torch.rand(1, 3, *size), torch.rand(1, 3, 40, 24)
    for model in (small, vgg_model(vgg_file)):
        assert model(content, model.encode_style(style)).shape == content.shape


def test_arguments_are_checked(small, vgg_file):
    with pytest.raises(ValueError, match='4, 64.*too small.*exceed 4 px'):
        small.encode_style(torch.rand(1, 3, 4, 64))
    with pytest.raises(ValueError, match="'predict'"):
        small(torch.rand(1, 3, 8, 8), mode='predict')
    with pytest.raises(ValueError, match="style_loss.*'var'"):
        vgg_model(vgg_file, style_loss='var')
    with pytest.raises(ValueError, match="'gram' needs a style_weight"):
        vgg_model(vgg_file, style_loss='gram')
    with pytest.raises(ValueError, match='reconstruction_weight'):
        MODELS.build(dict(SMALL, reconstruction_weight=0.))
    with pytest.raises(ValueError, match='one size'):
        MODELS.build(dict(SMALL, both_directions=True)).loss(
            torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 24))


# ---------------------------------------------------------------------------- losses
def test_style_distance_of_known_features():
    feature = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    feature = (feature - feature.mean((2, 3), keepdim=True)) / feature.std(
        (2, 3), keepdim=True, correction=0)
    shifted = style_distance([feature, feature], [feature + 0.5, feature], 'mean_std')
    assert shifted.item() == pytest.approx(0.25, rel=1e-4)
    scaled = style_distance([feature], [feature * 3], 'mean_std')
    assert scaled.item() == pytest.approx(4., rel=1e-3)
    ones = torch.ones(2, 4, 5, 6)
    assert gram_matrix(ones).eq(0.25).all()  # 30 positions over 4 * 30
    assert style_distance([ones], [0 * ones], 'gram').item() == pytest.approx(1 / 16)  # a mean


@pytest.mark.parametrize('kind', ['mean_std', 'gram'])
def test_losses_equal_a_slow_reference(kind, vgg_file):
    torch.manual_seed(0)
    model = vgg_model(vgg_file, style_loss=kind, content_weight=2., reconstruction_weight=3.,
                      style_weight=None if kind == 'mean_std' else 7.)
    content, style = torch.rand(2, 2, 3, 32, 32)
    losses = model.loss(content, style)
    numbers = dict(content=0., style=0., reconstruction=0.)
    for c, s in zip(content, style, strict=True):
        fc, fs = (model.encoder(x[None])[-1][0] for x in (c, s))
        t = torch.empty_like(fc)
        for k in range(len(fc)):
            deviations = [(f[k].var(correction=0) + 1e-5).sqrt() for f in (fc, fs)]
            t[k] = (fc[k] - fc[k].mean()) / deviations[0] * deviations[1] + fs[k].mean()
        out = model.encoder(model.decoder(t[None]))
        numbers['content'] += 2 * ((out[-1][0] - t)**2).mean() / 2
        for ours, theirs in zip(out, model.encoder(s[None]), strict=True):
            ours, theirs = ours[0].flatten(1), theirs[0].flatten(1)
            if kind == 'mean_std':
                spread = [(f.var(1, correction=0) + 1e-5).sqrt() for f in (ours, theirs)]
                value = ((ours.mean(1) - theirs.mean(1))**2).mean() + (
                    (spread[0] - spread[1])**2).mean()
                numbers['style'] += 10 * value / 2
            else:
                g = [f @ f.T / f.numel() for f in (ours, theirs)]
                numbers['style'] += 7 * ((g[0] - g[1])**2).mean() / 2
        for x in (c, s):
            back = model.decoder(model.encoder(x[None])[-1])[0]
            numbers['reconstruction'] += 3 * (back - x).abs().mean() / 2 / 2
    for key, value in numbers.items():
        assert losses[f'loss_{key}'].item() == pytest.approx(value.item(), rel=2e-3), key
    assert not any('reconstruction' in k for k in vgg_model(vgg_file).loss(content, style))


def gradient(loss, module):
    grads = torch.autograd.grad(loss, list(module.parameters()), retain_graph=True,
                                allow_unused=True)
    return sum(float(g.abs().sum()) for g in grads if g is not None)


@pytest.mark.parametrize('amp', [False, True])
def test_only_reconstruction_trains_the_encoder(amp):
    torch.manual_seed(0)
    model = perturbed(MODELS.build(SMALL))
    content, style = torch.rand(2, 2, 3, 32, 32)
    with torch.autocast('cpu', torch.bfloat16, enabled=amp):
        losses = model(dict(content=content, style=style), mode='loss')
    assert all(v.dtype == torch.float32 and v.isfinite() for v in losses.values())
    for key, loss in losses.items():
        assert gradient(loss, model.decoder) > 0
        assert (gradient(loss, model.encoder) > 0) == (key == 'loss_reconstruction'), key


def test_both_directions():
    torch.manual_seed(0)
    model = MODELS.build(dict(SMALL, both_directions=True))
    one_way = MODELS.build(SMALL)
    one_way.load_state_dict(model.state_dict())
    content, style = torch.rand(1, 3, 32, 32), 0.2 * torch.rand(1, 3, 32, 32)
    there, back = (one_way.loss(*pair)['loss_style'].item()
                   for pair in ((content, style), (style, content)))
    drawn = {round(model.loss(content, style)['loss_style'].item(), 5) for _ in range(12)}
    assert drawn == {round(there, 5), round(back, 5)} and len(drawn) == 2


# ---------------------------------------------------------------------------- training
@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Smooth blue content, noisy orange styles."""
    root, rng = tmp_path_factory.mktemp('images'), np.random.default_rng(0)
    for name, colour, noise in (('content', (200, 90, 40), 0), ('style', (30, 120, 220), 40)):
        (root / name).mkdir()
        for i in range(6):
            blob = cv2.GaussianBlur(rng.normal(0, 1, (40, 40, 1)), (0, 0), 5)[..., None]
            image = np.array(colour) + 300 * blob + noise * rng.normal(0, 1, (40, 40, 1))
            cv2.imwrite(str(root / f'{name}/{i}.png'), image.clip(0, 255).astype(np.uint8))
    return root


def runner_of(folders, work_dir, iters, **kwargs):
    custom = [dict(type='StyleTransferVisualizationHook', interval=iters, max_samples=3)]
    return Runner(
        model=ConfigDict(SMALL, both_directions=True, style_weight=1., reconstruction_weight=10.),
        work_dir=str(work_dir), experiment_name=f'{work_dir.name}{iters}',
        train_dataloader=dict(
            batch_size=4, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
            dataset=dict(type='StyleTransferDataset', size=32, resize=(32, 40),
                         content=f'{folders}/content', style=f'{folders}/style')),
        train_cfg=dict(type='ResumableIterBasedTrainLoop', max_iters=iters),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3)),
        param_scheduler=[dict(type='PolyLR', by_epoch=False, end=60)],
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=iters),
                           logger=dict(type='LoggerHook', interval=1)),
        custom_hooks=custom, log_processor=dict(by_epoch=False), randomness=dict(seed=0),
        visualizer=dict(type='PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')]),
        default_scope='mmpose', **kwargs)


def evaluate(model, folders, which=range(6)):
    """Losses on images, and distance of the stylised images' mean colour to the styles'."""
    images = [torch.stack([torch.from_numpy(cv2.imread(f'{folders}/{d}/{i}.png')[..., ::-1].copy())
                           for i in which]).permute(0, 3, 1, 2) / 255
              for d in ('content', 'style')]
    model.both_directions = False
    with torch.no_grad():
        losses = {k: v.item() for k, v in model.loss(*images).items()}
        result = model(images[0], model.encode_style(images[1]), 1.)
    return losses, [(result - x).mean((0, 2, 3)).abs().mean().item() for x in images]


def test_training_improves_and_its_checkpoint_serves(folders, tmp_path):
    runner = runner_of(folders, tmp_path, 60)
    before, _ = evaluate(runner.model, folders)
    runner.model.both_directions = True
    runner.train()
    after, (to_content, to_style) = evaluate(runner.model, folders)
    assert after['loss_reconstruction'] < 0.9 * before['loss_reconstruction']
    assert to_style < 0.1 and to_content > 0.25, (to_style, to_content)
    logged = runner.message_hub.log_scalars
    assert {'train/loss_content', 'train/loss_style', 'train/loss_reconstruction'} <= set(logged)
    sheet = cv2.imread(str(tmp_path / 'vis_data/style_transfer/iter_000060.png'))
    assert sheet.shape == (3 * 32, 3 * 32, 3)
    rows = [sheet[32 * i:32 * i + 32].reshape(-1, 3).mean(0) for i in range(3)]
    assert np.abs(rows[2] - rows[1]).sum() < 0.5 * np.abs(rows[2] - rows[0]).sum()
    with DefaultScope.overwrite_default_scope(None):  # as outside of a runner
        loaded = MODELS.build(dict(SMALL, checkpoint=str(tmp_path / 'iter_60.pth')))
    images = torch.rand(2, 3, 32, 32)
    code = loaded.encode_style(images)
    assert torch.equal(loaded(images, code), runner.model(images, code))


def test_a_decoder_learns_from_a_frozen_encoder(folders, vgg_file):
    """By MMEngine's train_step."""
    torch.manual_seed(0)
    model = vgg_model(vgg_file)
    dataset = DATASETS.build(dict(type='StyleTransferDataset', size=32, resize=32,
                                  content=f'{folders}/content', style=f'{folders}/style'))
    optim = OptimWrapper(torch.optim.Adam(model.parameters(), lr=3e-3))
    before, _ = evaluate(model, folders)
    for i in range(120):
        model.train_step(default_collate([dataset[(i + j) % 6] for j in range(4)]), optim)
    after, _ = evaluate(model, folders)
    assert sum(after.values()) < 0.5 * sum(before.values()), (before, after)


def test_resumed_training_is_the_same(folders, tmp_path):
    whole = runner_of(folders, tmp_path / 'whole', 4)
    whole.train()
    runner_of(folders, tmp_path / 'parts', 2).train()
    resumed = runner_of(folders, tmp_path / 'parts', 4, resume=True)
    resumed.train()
    assert resumed.iter == 4
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_pictures_of_another_model_are_refused(folders, tmp_path):
    from udapose.engine.hooks import StyleTransferVisualizationHook

    class Other:
        model = nn.Linear(1, 1)

    with pytest.raises(TypeError, match='AdaINStyleTransfer.*Linear.*AdaINStyleHook'):
        StyleTransferVisualizationHook().before_train(Other)
    assert isinstance(MODELS.build(SMALL), AdaINStyleTransfer)
