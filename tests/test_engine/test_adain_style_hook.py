"""Style transfer behind the data preprocessor: which samples, from where, and in whose units."""
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmpose.models import PoseDataPreprocessor
from mmpose.registry import DATASETS, HOOKS, MODELS
from mmpose.structures import PoseDataSample
from torch import nn

from udapose.engine import AdaINStyleHook
from udapose.models.data_preprocessors import MultiBranchDataPreprocessor

NORMAL = dict(bgr_to_rgb=True, mean=[123., 116., 103.], std=[58., 57., 56.])
PREPROCESSORS = [NORMAL, dict(bgr_to_rgb=True), dict(mean=[100., 110., 120.], std=[50., 40., 30.]),
                 {}]


@MODELS.register_module(force=True)
class _Paint(nn.Module):
    """Paints an image with the style's mean colour, ``gain`` times."""

    def __init__(self, gain=1.):
        super().__init__()
        self.gain, self.encoded = gain, []

    def encode_style(self, images):
        self.encoded.append(images)
        return images.mean((2, 3))

    def forward(self, content, style_code, alpha=1.):
        return (1 - alpha) * content + alpha * self.gain * style_code[..., None, None]


def flat(*colours, size=(8, 6)):
    """uint8 BGR images of one colour each, as a pipeline loads them; colours are RGB."""
    return [torch.tensor(c[::-1], dtype=torch.uint8).view(3, 1, 1).expand(3, *size).contiguous()
            for c in colours]


def samples(count):
    return [PoseDataSample() for _ in range(count)]


def plain_model(**preprocessor):
    model = nn.Module()
    model.data_preprocessor = PoseDataPreprocessor(**preprocessor)
    return model.train()


def branched_model(**preprocessor):
    model = nn.Module()
    model.data_preprocessor = MultiBranchDataPreprocessor(
        data_preprocessor=dict(type='PoseDataPreprocessor', **preprocessor))
    return model.train()


def attached(model, **kwargs):
    hook = AdaINStyleHook(**{**dict(stylizer=dict(type='_Paint'), prob=1., alpha=(1., 1.)),
                             **kwargs})
    hook.before_train(SimpleNamespace(model=model))
    return hook


def run(model, images, training=True):
    return model.data_preprocessor(dict(inputs=images, data_samples=samples(len(images))),
                                   training)['inputs']


def run_branches(model, source, target):
    """Source images, and the teacher's views; the student's are grey."""
    names = ('source', 'target_teacher', 'target_student')
    grey = flat(*[(128, 128, 128)] * len(target))
    rows = [(s, None, None) for s in source] + [(None, t, g) for t, g in zip(target, grey,
                                                                          strict=True)]
    inputs = {n: [row[i] for row in rows] for i, n in enumerate(names)}
    data = {n: [None if x is None else PoseDataSample() for x in inputs[n]] for n in names}
    return model.data_preprocessor(dict(inputs=inputs, data_samples=data), True)['inputs']


def colours(inputs, preprocessor):
    """RGB in 0 .. 255 of each image's first pixel, independently of the hook."""
    images = inputs.clone()
    if preprocessor.get('mean'):
        images = images * torch.tensor(preprocessor['std']).view(3, 1, 1) \
            + torch.tensor(preprocessor['mean']).view(3, 1, 1)
    images = images if preprocessor.get('bgr_to_rgb') else images.flip(1)
    return [tuple(v) for v in images[:, :, 0, 0].round().int().tolist()]


# ------------------------------------------------------------------ colours and ranges
@pytest.mark.parametrize('preprocessor', PREPROCESSORS)
def test_a_plain_models_images_take_the_folders_colours(preprocessor, style_folder):
    model = plain_model(**preprocessor)
    attached(model, style_images=str(style_folder))
    torch.manual_seed(0)
    found = colours(run(model, flat(*[(1, 2, 3)] * 40)), preprocessor)
    assert set(found) == {(200, 10 * i, 30) for i in range(4)}


@pytest.mark.parametrize('preprocessor', PREPROCESSORS)
def test_strength_is_mixed_in_colours(preprocessor, style_folder):
    model = plain_model(**preprocessor)
    attached(model, style_images=str(style_folder), alpha=(0.5, 0.5), num_styles=1)
    assert colours(run(model, flat((100, 50, 250))), preprocessor) == [(150, 25, 140)]


def test_alpha_is_drawn_in_its_range_for_each_sample(style_folder):
    model = plain_model(**NORMAL)
    attached(model, style_images=str(style_folder), alpha=(0.2, 0.6), num_styles=1)
    torch.manual_seed(0)
    reds = np.array([c[0] for c in colours(run(model, flat(*[(0, 0, 0)] * 50)), NORMAL)])
    assert reds.min() >= 40 and reds.max() <= 120 and len(set(reds)) > 20
    assert reds.min() < 56 and reds.max() > 104


@pytest.mark.parametrize('gain,expected', [(9., 255), (-3., 0)])
def test_results_stay_in_the_valid_range(gain, expected, style_folder):
    model = plain_model(**NORMAL)
    attached(model, style_images=str(style_folder), stylizer=dict(type='_Paint', gain=gain))
    assert colours(run(model, flat((50, 60, 70))), NORMAL)[0][0] == expected


# ------------------------------------------------------------------ which samples
@pytest.mark.parametrize('per_sample', [True, False])
def test_share_of_the_samples_and_the_others_untouched(per_sample, style_folder):
    model = plain_model(**NORMAL)
    hook = attached(model, style_images=str(style_folder), prob=0.3, per_sample=per_sample)
    original = (1, 200, 99)
    exact = plain_model(**NORMAL).data_preprocessor(
        dict(inputs=flat(original), data_samples=samples(1)), True)['inputs'][0]
    torch.manual_seed(0)
    shares = []
    for _ in range(60):
        out = run(model, flat(*[original] * 10))
        kept = (out == exact).flatten(1).all(1)  # bitwise
        assert ((out != exact).flatten(1).any(1) == ~kept).all()
        shares.append(1 - kept.float().mean().item())
    assert 0.2 < np.mean(shares) < 0.4
    assert (set(shares) == {0., 1.}) is (not per_sample)
    hook.after_train(None)
    assert torch.equal(run(model, flat(original))[0], exact)  # detached


def test_probability_zero_runs_nothing(style_folder):
    model = plain_model(**NORMAL)
    hook = attached(model, style_images=str(style_folder), prob=0.)
    run(model, flat((1, 2, 3)))
    assert hook.stylizer.encoded == []


def test_only_drawn_samples_go_through_the_network():
    model = branched_model(**NORMAL)
    hook = attached(model, prob=0.5)
    sizes = []
    hook.stylizer.register_forward_pre_hook(lambda m, args: sizes.append(len(args[0])))
    torch.manual_seed(1)
    run_branches(model, flat(*[(0, 0, 0)] * 8), flat(*[(255, 0, 0)] * 8))
    assert 0 < sizes[0] < 8 and len(hook.stylizer.encoded[0]) == sizes[0]


def test_validation_is_not_stylised(style_folder):
    model = plain_model(**NORMAL)
    attached(model, style_images=str(style_folder))
    model.eval()
    assert colours(run(model, flat((1, 2, 3)), False), NORMAL) == [(1, 2, 3)]


# ------------------------------------------------------------------ both directions
def test_source_takes_the_targets_style_and_nothing_else_changes():
    model = branched_model(**NORMAL)
    attached(model)
    out = run_branches(model, flat((0, 0, 0), (9, 9, 9)), flat((250, 1, 1), (1, 250, 1)))
    assert colours(out['source'], NORMAL) == [(250, 1, 1), (1, 250, 1)]  # a pair for each
    assert colours(out['target_teacher'], NORMAL) == [(250, 1, 1), (1, 250, 1)]
    assert colours(out['target_student'], NORMAL) == [(128, 128, 128)] * 2


def test_target_to_source_takes_the_unstylised_source():
    model = branched_model(**NORMAL)
    attached(model, target_to_source=1.)
    out = run_branches(model, flat((0, 0, 200)), flat((250, 1, 1)))
    assert colours(out['source'], NORMAL) == [(250, 1, 1)]
    assert colours(out['target_teacher'], NORMAL) == [(0, 0, 200)]
    assert colours(out['target_student'], NORMAL) == [(128, 128, 128)]


def test_unequal_numbers_of_both_domains():
    model = branched_model(**NORMAL)
    attached(model)
    torch.manual_seed(0)
    out = run_branches(model, flat(*[(0, 0, 0)] * 30), flat((250, 1, 1), (1, 250, 1)))
    assert set(colours(out['source'], NORMAL)) == {(250, 1, 1), (1, 250, 1)}


def test_the_cache_replaces_the_batch_for_the_source_only(style_folder):
    model = branched_model(**NORMAL)
    attached(model, style_images=str(style_folder), num_styles=1, target_to_source=1.)
    out = run_branches(model, flat((7, 7, 7)), flat((250, 1, 1)))
    assert colours(out['source'], NORMAL) == [(200, 0, 30)]
    assert colours(out['target_teacher'], NORMAL) == [(7, 7, 7)]


# ------------------------------------------------------------------ reduced resolution, bf16
def noisy(count=2, size=(16, 12)):
    g = torch.Generator().manual_seed(0)
    return [torch.randint(40, 215, (3, *size), generator=g, dtype=torch.uint8)
            for _ in range(count)]


def test_reduced_resolution_adds_only_the_change(style_folder):
    """At alpha 0 every detail stays; the stylizer sees the small image."""
    model = plain_model(**NORMAL)
    hook = attached(model, style_images=str(style_folder), resize=0.5, alpha=(0., 0.))
    shapes = []
    hook.stylizer.register_forward_pre_hook(lambda m, args: shapes.append(args[0].shape[-2:]))
    images = noisy()
    exact = plain_model(**NORMAL).data_preprocessor(
        dict(inputs=images, data_samples=samples(2)), True)['inputs']
    torch.testing.assert_close(run(model, images), exact, atol=1e-5, rtol=0)
    assert shapes == [(8, 6)] and hook.stylizer.encoded[0].shape[-2:] == (8, 6)


@pytest.mark.parametrize('stylizer', [dict(type='ChannelStatisticsTransfer'),
                                      dict(type='FourierAmplitudeTransfer', beta=0.3)])
@pytest.mark.parametrize('kwargs', [dict(dtype='bfloat16'), dict(resize=0.5), {}])
def test_real_transfers_with_each_option(stylizer, kwargs, style_folder):
    """Also inside of an outer autocast, as under --amp."""
    model = plain_model(**NORMAL)
    attached(model, stylizer=stylizer, style_images=str(style_folder), num_styles=1, **kwargs)
    reference = plain_model(**NORMAL)
    attached(reference, stylizer=stylizer, style_images=str(style_folder), num_styles=1)
    with torch.autocast('cpu', torch.bfloat16):
        out = run(model, noisy())
    assert out.dtype == torch.float32 and torch.isfinite(out).all()
    expected = run(reference, noisy())
    difference = (out - expected).abs().mean()
    if kwargs.get('resize'):  # another resolution: the same colours, other details
        assert (out.mean((2, 3)) - expected.mean((2, 3))).abs().max() < 0.5
    else:
        assert difference < (1e-6 if not kwargs else 0.02)


# ------------------------------------------------------------------ bad input
@pytest.mark.parametrize('content', [b'', b'not an image'])
def test_an_unreadable_style_image_is_named(content, style_folder):
    (style_folder / '1.png').write_bytes(content)
    model = plain_model(**NORMAL)
    attached(model, style_images=str(style_folder))
    with pytest.raises(OSError, match=r'style image .*/1.png cannot be read: replace'):
        run(model, flat((1, 2, 3)))


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / 'readme.txt').write_text('')
    with pytest.raises(FileNotFoundError, match=f'style_images={tmp_path} holds no images'):
        attached(plain_model(), style_images=str(tmp_path))
    with pytest.raises(FileNotFoundError, match='nowhere'):
        attached(plain_model(), style_images=str(tmp_path / 'nowhere'))


@pytest.mark.parametrize('styles,target,told', [
    ('a', 'b', True), ('a', 'a', False), ('a/sub', 'a', False), ('a', 'a/sub', False)])
@pytest.mark.parametrize('as_config', [False, True])
def test_styles_that_are_not_the_targets_are_said(styles, target, told, as_config, style_folder,
                                                  monkeypatch, repository):
    """`--cfg-options train_dataloader.dataset.target.data_root=FOLDER` leaves the styles alone."""
    folders = {name: style_folder / name for name in (styles, target)}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(2):
            shutil.copy(style_folder / f'{i}.png', folder)

    def images(name):
        meta = repository / 'configs/_base_/datasets/metainfo/lsp14.py'
        return dict(type='UnlabeledPoseDataset', data_root=f'{folders[name]}/', pipeline=[],
                    metainfo=dict(from_file=str(meta)))
    cfg = dict(type='AdaINStyleHook', stylizer=dict(type='_Paint'),
               style_images=images(styles) if as_config else str(folders[styles]))
    data = SimpleNamespace(target=DATASETS.build(images(target)))
    runner = SimpleNamespace(
        model=branched_model(), train_dataloader=SimpleNamespace(dataset=data),
        cfg=dict(custom_hooks=[dict(type='PreflightHook'), cfg]))
    said = []
    monkeypatch.setattr('udapose.engine.hooks.adain_style_hook.print_log',
                        lambda text, **_: said.append(text))
    HOOKS.build(cfg).before_train(runner)
    remedy = f'custom_hooks.1.style_images{".data_root" * as_config}={folders[target]}/'
    assert [remedy in text for text in said] == [True] * told


def test_a_plain_model_needs_style_images():
    with pytest.raises(ValueError, match="Give their folder with style_images="):
        attached(plain_model())


def branches(model, *names):
    """A batch of one image for each branch."""
    inputs = {n: [flat((1, 2, 3))[0] if n == m else None for m in names] for n in names}
    data = {n: [None if x is None else PoseDataSample() for x in inputs[n]] for n in names}
    return model.data_preprocessor(dict(inputs=inputs, data_samples=data), True)['inputs']


@pytest.mark.parametrize('names,kwargs,missing', [
    (('source', 'target_student'), {}, "'target_teacher', which gives the source its style"),
    (('source',), dict(prob=1e-9), "'target_teacher', which gives"),  # not only when one is drawn
    (('source',), dict(style_images=1, target_to_source=0.5), "'target_teacher', which is styl"),
    (('target_teacher',), {}, "'source', which holds the source images"),
    (('target_student',), dict(prob=0., target_to_source=1.), "'source', which.* and 'target_t")])
def test_a_missing_branch_is_named_at_the_first_batch(names, kwargs, missing, style_folder):
    if 'style_images' in kwargs:
        kwargs['style_images'] = str(style_folder)
    model = branched_model(**NORMAL)
    attached(model, **kwargs)
    with pytest.raises(ValueError, match=rf'with the branches \[.*\] lacks the branch {missing}'):
        branches(model, *names)


def test_branches_that_nobody_asks_for_may_be_missing(style_folder):
    model = branched_model(**NORMAL)
    attached(model, style_images=str(style_folder), num_styles=1)
    assert colours(branches(model, 'source')['source'], NORMAL) == [(200, 0, 30)]
    attached(nothing := branched_model(**NORMAL), prob=0.)
    assert colours(branches(nothing, 'target_student')['target_student'], NORMAL) == [(1, 2, 3)]


def test_a_plain_batch_of_a_two_domain_model_needs_the_bank(style_folder):
    model = branched_model(**NORMAL)
    attached(model)
    with pytest.raises(ValueError, match="with one branch lacks the branch 'target_teacher', which "
                                         "gives the source its style .or give style_images="):
        run(model, flat((1, 2, 3)))
    with pytest.raises(ValueError, match='target_to_source=0.5, but the batches of Module hold no'):
        attached(plain_model(), style_images=str(style_folder), target_to_source=0.5)


@pytest.mark.parametrize('kwargs,message', [
    (dict(prob=1.5), 'prob must be in'), (dict(alpha=(0.5, 0.2)), 'alpha must be a range'),
    (dict(target_to_source=-1), 'target_to_source must be in'), (dict(resize=0.), 'resize must'),
    (dict(dtype='half'), "dtype must be None, 'bfloat16' or 'float16', got 'half'")])
def test_bad_options(kwargs, message):
    with pytest.raises(ValueError, match=message):
        AdaINStyleHook(dict(type='_Paint'), **kwargs)
