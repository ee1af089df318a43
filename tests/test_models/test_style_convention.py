"""Files of both families of AdaIN releases: [0, 1] images, and normalised ones (UniFrame's)."""
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from mmpose.models import PoseDataPreprocessor
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from test_style_transfer_networks import (
    SMALL,
    W,
    narrow_layers,
    normalised_vgg,
    published_decoder,
    save,
)
from torch import nn

from udapose.engine import AdaINStyleHook
from udapose.models.style_transfer import AdaINStyleTransfer

MEAN, STD = (torch.tensor(v).view(3, 1, 1)
             for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
ANIMALS = dict(mean=[0.3999, 0.3909, 0.3871], std=[1., 1., 1.])
STATISTICS = dict(unit=(0., 1.), imagenet=(MEAN, STD),
                  animals=(torch.tensor(ANIMALS['mean']).view(3, 1, 1), 1.))
INPUTS = dict(unit='unit', imagenet='imagenet', animals=ANIMALS)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Both VGG files, and a decoder for each convention of each."""
    root = tmp_path_factory.mktemp('style')
    torch.manual_seed(0)
    found = {}
    for family, layers in dict(normalised=normalised_vgg(), torchvision=narrow_layers()).items():
        convs = [m for m in layers if isinstance(m, nn.Conv2d)]
        if family == 'normalised':
            first = convs.pop(0)
            first.weight.data.copy_(torch.eye(3)[..., None, None])
            first.bias.data.zero_()
        for conv in convs:
            pass_on(conv)
        # colours, and how dark it is: what is below 0 is lost, and then nearly restored
        convs[0].weight.data[:, :, 1, 1] = torch.cat([torch.eye(3), -torch.ones(1, 3)])
        found[family] = save(layers.state_dict(), root / f'{family}.pth')
        for name in ('unit', 'imagenet') if family == 'torchvision' else INPUTS:
            model = build(found[family], None, INPUTS[name])
            fit(model)
            # as the releases write it: the bare sequence
            found[family, name] = save(model.decoder.layers.state_dict(),
                                       root / f'{family}_{name}.pth.tar')
    return found


def pass_on(conv):
    """The first W channels unchanged, the others 0."""
    conv.bias.data.zero_()
    conv.weight.data.zero_()
    count = min(W, *conv.weight.shape[:2])
    conv.weight.data[:count, :count, 1, 1] = torch.eye(count)


@torch.no_grad()
def fit(model):
    """Least squares of colours by the decoder's last layer."""
    for layer in model.decoder.layers:
        if isinstance(layer, nn.Conv2d):
            pass_on(layer)
    images = blobs(16)
    features = model.decoder.layers[:-1](model._encode(images)[-1])[..., 1:-1, 1:-1]
    rows = torch.cat([features, torch.ones_like(features[:, :1])], 1)
    rows, colours = (x.movedim(1, -1).flatten(0, 2).double()
                     for x in (rows, model.convention.normalize(images)))
    ridge = 1e-4 * len(rows) * torch.eye(W + 1)
    solution = torch.linalg.solve(rows.T @ rows + ridge, rows.T @ colours).T
    model.decoder.layers[-1].weight[:, :, 1, 1] = solution[:, :-1]
    model.decoder.layers[-1].bias.copy_(solution[:, -1])


def build(vgg, decoder=None, convention='unit', **kwargs):
    return MODELS.build(dict(
        type='AdaINStyleTransfer', input=convention,
        encoder=dict(type='VGG19StyleEncoder', weights=vgg, width=W),
        decoder=dict(type='StyleDecoder', weights=decoder, width=W), **kwargs))


def blobs(count):
    coarse = torch.rand(count, 3, 3, 3)
    return nn.functional.interpolate(coarse, size=(32, 32), mode='bilinear', align_corners=True)


def reference(vgg, decoder, content, style, name):
    """The released code's order of things, on what it calls images: normalised ones."""
    mean, std = STATISTICS[name]
    content, style = ((x - mean) / std for x in (content, style))
    f, s = vgg(content), vgg(style)
    own, other = ((x.mean((2, 3), keepdim=True),
                   (x.var((2, 3), keepdim=True, correction=0) + 1e-5).sqrt()) for x in (f, s))
    return decoder((f - own[0]) / own[1] * other[1] + other[0]) * std + mean


@pytest.mark.parametrize('name', INPUTS)
def test_normalised_vgg_in_each_convention(name, files):
    vgg, decoder = normalised_vgg(), published_decoder()
    vgg.load_state_dict(torch.load(files['normalised']))
    decoder.load_state_dict(torch.load(files['normalised', name]))
    model = build(files['normalised'], files['normalised', name], INPUTS[name])
    content, style = blobs(2), blobs(2)
    expected = reference(vgg[:31], decoder, content, style, name)
    found = model(content, model.encode_style(style))
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)
    others = [build(files['normalised'], files['normalised', name], INPUTS[n])
              for n in INPUTS if n != name]
    for other in others:
        assert (other(content, other.encode_style(style)) - expected).abs().mean() > 0.05


def test_torchvisions_vgg_sees_imagenets_normalisation_once(files):
    layers, decoder = narrow_layers(), published_decoder()
    layers.load_state_dict(torch.load(files['torchvision']))
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode, layer._reversed_padding_repeated_twice = 'reflect', [1] * 4
    content, style = blobs(2), blobs(2)
    codes = []
    for name in ('unit', 'imagenet'):
        path = files['torchvision', name]
        decoder.load_state_dict(torch.load(path))
        model = build(files['torchvision'], path, name)
        codes.append(model.encode_style(style))
        expected = reference(layers[:21], decoder, content, style, 'imagenet')
        if name == 'unit':  # the decoder gives [0, 1] at once
            expected = (expected - MEAN) / STD
        torch.testing.assert_close(model(content, codes[-1]), expected, atol=2e-3, rtol=0)
    assert torch.equal(*codes)


@pytest.mark.parametrize('family', ['normalised', 'torchvision'])
@pytest.mark.parametrize('name', ['unit', 'imagenet'])
def test_a_decoder_of_the_other_convention_is_told(family, name, files, monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr('udapose.models.style_transfer.part_checks.print_log',
                        lambda message, **kwargs: told.append(message))
    path = files[family, name]
    other = dict(unit='imagenet', imagenet='unit')[name]
    if family == 'torchvision':  # published decoders belong to the other VGG
        build(files[family], path, name)
        assert len(told) == 1 and 'was made for the normalised VGG' in told.pop()
        state = {f'layers.{k}': v for k, v in torch.load(path).items()}
        path = save(state, tmp_path / 'own.pth')
    build(files[family], path, name)
    assert not told
    build(files[family], path, other)
    message, = told
    assert path in message and f'Set input={name!r}' in message and 'wrong colours' in message


def test_an_untrained_decoder_is_not_suspected(files, monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr('udapose.models.style_transfer.part_checks.print_log',
                        lambda message, **kwargs: told.append(message))
    path = save(published_decoder().state_dict(), tmp_path / 'd.pth')
    for name in INPUTS.values():
        build(files['normalised'], path, name)
    assert not told


def test_checkpoints_know_their_convention(files, tmp_path):
    model = build(files['normalised'], None, 'imagenet')
    path = save(dict(state_dict=model.state_dict()), tmp_path / 'iter_1.pth')
    message = f"iter_1.pth was trained with input='imagenet', but .* input={'unit'!r}.*Set input"
    again = build(files['normalised'], None, 'imagenet', checkpoint=path)
    assert torch.equal(again.decoder.layers[1].weight, model.decoder.layers[1].weight)
    assert build(files['normalised'], path, 'imagenet').decoder.kind == 'own'
    with pytest.raises(ValueError, match=message):
        build(files['normalised'], None, 'unit', checkpoint=path)
    with pytest.raises(ValueError, match=message):
        build(files['normalised'], path, 'unit')
    with pytest.raises(ValueError, match=r"dict\(mean=\[0.3999.*Set input='imagenet'"):
        build(files['normalised'], None, ANIMALS, checkpoint=path)
    # as MMEngine's runner loads (resume, load_from)
    with pytest.raises(ValueError, match="checkpoint was trained with input='imagenet'"):
        load_state_dict(build(files['normalised']), model.state_dict(), strict=False)
    # from before there was a choice
    old = {k: v for k, v in model.state_dict().items() if 'convention' not in k}
    path = save(dict(state_dict=old), tmp_path / 'old.pth')
    build(files['normalised'], None, 'unit', checkpoint=path)
    with pytest.raises(ValueError, match="old.pth was trained with input='unit'"):
        build(files['normalised'], None, 'imagenet', checkpoint=path)


@pytest.mark.parametrize('value', ['ImageNet', None, dict(mean=[0.5] * 3), dict(
    mean=[0.5] * 3, std=[0.] * 3), dict(mean=[0.5], std=[1.])])
def test_bad_conventions_are_named(value, files):
    with pytest.raises(ValueError, match="input must be 'unit', 'imagenet' or dict"):
        build(files['normalised'], None, value)


def test_encoders_refuse_what_they_cannot_take(files):
    with pytest.raises(ValueError, match="'imagenet' does not fit SmallStyleEnc.* input='unit'$"):
        MODELS.build(dict(SMALL, input='imagenet'))
    with pytest.raises(ValueError, match=r"torchvision.pth, which takes input='unit' or 'imag"):
        build(files['torchvision'], None, ANIMALS)


def test_losses_are_the_same_as_on_normalised_images(files):
    """Denormalising the decoder's images and normalising them again changes nothing."""
    model = build(files['normalised'], files['normalised', 'imagenet'], 'imagenet')
    unit = build(files['normalised'], files['normalised', 'imagenet'], 'unit')
    content, style = blobs(2), blobs(2)
    found = model.loss(content, style)
    expected = unit.loss(*((x - MEAN) / STD for x in (content, style)))
    for key in ('loss_content', 'loss_style'):
        torch.testing.assert_close(found[key], expected[key], rtol=1e-3, atol=1e-5)


def test_the_hook_gives_what_the_published_step_gives(files, tmp_path):
    """Normalised images in, stylised, clipped to the valid range: normalised images out."""
    pose = nn.Module()
    pose.data_preprocessor = PoseDataPreprocessor(
        mean=(255 * MEAN).flatten().tolist(), std=(255 * STD).flatten().tolist(),
        bgr_to_rgb=True)
    pose.train()
    content, style = ((255 * blobs(1)).round().to(torch.uint8) for _ in range(2))

    def batch(images):
        return pose.data_preprocessor(dict(
            inputs=[i.flip(0) for i in images], data_samples=[PoseDataSample()]), True)['inputs']

    vgg, decoder = normalised_vgg(), published_decoder()
    vgg.load_state_dict(torch.load(files['normalised']))
    decoder.load_state_dict(torch.load(files['normalised', 'imagenet']))
    expected = (reference(vgg[:31], decoder, content / 255, style / 255, 'imagenet') - MEAN) / STD
    expected = expected.clamp(-MEAN / STD, (1 - MEAN) / STD)
    cv2.imwrite(str(tmp_path / 'style.png'), np.zeros((8, 8, 3), np.uint8))
    hook = AdaINStyleHook(
        prob=1., alpha=(1., 1.), vis_interval=0, stylizer=dict(
            type='AdaINStyleTransfer', input='imagenet',
            encoder=dict(type='VGG19StyleEncoder', weights=files['normalised'], width=W),
            decoder=dict(type='StyleDecoder', weights=files['normalised', 'imagenet'], width=W)),
        style_images=str(tmp_path))
    normalised = batch(style)
    hook.before_train(SimpleNamespace(model=pose))
    assert isinstance(hook.stylizer, AdaINStyleTransfer)
    hook.handle.remove()
    found = hook.stylize(batch(content), normalised, 1., cached=False)
    torch.testing.assert_close(found, expected, atol=1e-2, rtol=0)
    assert (found - batch(content)).abs().mean() > 0.1
