"""What every published config resolves to, defaults and inherited keys included."""
from pathlib import Path

import pytest
from mmengine.config import Config
from mmpose.registry import MODELS

import udapose  # noqa: F401
from udapose.models.style_transfer.image_convention import ImageConvention

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'
MULTILEVEL = sorted([*CONFIGS.glob('multilevel_alignment/*_64x64_published.py'),
                     *CONFIGS.glob('multilevel_alignment/*_res101_256x256.py')])
UNIFRAME = sorted(CONFIGS.glob('uniframe/*_res101_256x256.py'))
PLAIN = sorted([*CONFIGS.glob('s*_only/*_res101_256x256.py'),
                *CONFIGS.glob('oracle/*_res101_256x256.py')])


def name(path):
    return path.stem


def test_the_lists_hold_all_pairs():
    assert len(MULTILEVEL) == 2 + 6 and len(UNIFRAME) == 6 and len(PLAIN) == 3 * 6


def source_loss(model):
    return MODELS.build(model.get('pose_estimator', model).head.loss)


@pytest.mark.parametrize('path', MULTILEVEL + UNIFRAME + PLAIN, ids=name)
def test_the_source_loss_is_half_a_squared_error_of_labelled_joints(path):
    loss = source_loss(Config.fromfile(path).model)
    assert type(loss).__name__ == 'KeypointMSELoss'
    assert (loss.loss_weight, loss.use_target_weight) == (0.5, True)


@pytest.mark.parametrize('path', MULTILEVEL + UNIFRAME, ids=name)
def test_the_mean_teacher_is_the_published_one(path):
    cfg = Config.fromfile(path)
    loss = MODELS.build(cfg.model.consistency)
    assert (loss.loss_weight, loss.normalize) == (1., 'all')
    train_cfg = dict(cfg.model.train_cfg)
    assert train_cfg.pop('peaks_from', 'warped') == 'warped'
    assert not train_cfg.pop('min_confidence', 0.)
    assert train_cfg == dict(
        compare_frame='base', confidence_quantile=0.5, joint_forward=False,
        per_joint_quantile=False, teacher_norm='batch', valid_mask=False)
    # 20 of 256 pixels, the published patch
    side = cfg.codec.input_size[0]
    augment, = map(MODELS.build, cfg.model.student_augments)
    assert (augment.prob, augment.threshold) == (0.5, 0.9)
    assert augment.half_size == round(10 * side / 256 + 0.01)
    ema, = (h for h in cfg.custom_hooks if h.type == 'EMATeacherHook')
    assert (ema.momentum, ema.buffers, ema.get('warmup', False)) == (0.001, 'keep', False)
    style, = (h for h in cfg.custom_hooks if h.type == 'AdaINStyleHook')
    assert (style.prob, style.alpha, style.per_sample) == (0.5, (0., 1.), False)
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=1e-4)
    if path in UNIFRAME:
        assert not any(cfg.model.alignments.values()) and style.target_to_source == 0.5
        return
    assert not style.get('target_to_source')
    assert any(h.type == 'ConstantLRHook' for h in cfg.custom_hooks)


@pytest.mark.parametrize('path', MULTILEVEL, ids=name)
def test_the_alignment_terms_are_the_published_ones(path):
    alignments = Config.fromfile(path).model.alignments
    assert sorted(alignments) == ['feature', 'pose']
    feature, pose = map(MODELS.build, (alignments.feature, alignments.pose))
    assert feature.loss_weight == 0.1 and feature.features == ('head.deconv_layers',)
    assert {feature.reversal.value(p) for p in (0., 0.5, 1.)} == {1.}
    widths = [m.out_channels for m in feature.discriminator.modules() if hasattr(m, 'kernel_size')]
    assert widths == [256, 128, 128, 1]
    assert (pose.loss_weight, pose.temperature, pose.normalize, pose.form,
            pose.diversity_weight) == (0.3, 1., 'pixels', 'profiles', 1.)


def stylizer(cfg):
    hook, = (h for h in cfg.custom_hooks if h.type == 'AdaINStyleHook')
    return hook.stylizer


@pytest.mark.parametrize('pair', sorted({p.stem.split('_')[1] for p in UNIFRAME}))
def test_style_networks_are_trained_and_used_on_the_pose_networks_images(pair):
    training = Config.fromfile(CONFIGS / f'style_transfer/adain-vgg19_{pair}_256x256.py').model
    assert (training.style_loss, training.style_weight, training.both_directions) == (
        'mean_std', 0.1, True)
    assert (training.get('content_weight', 1.), training.get('reconstruction_weight', 0)) == (1, 0)
    for folder in ('style_only/style-only', 'multilevel_alignment/multilevel', 'uniframe/uniframe'):
        cfg = Config.fromfile(CONFIGS / f'{folder}_{pair}_res101_256x256.py')
        assert stylizer(cfg).input == training.input
        convention = ImageConvention(training.input)
        pose = cfg.model.get('pose_estimator', cfg.model).data_preprocessor
        for ours, theirs in ((convention.mean, pose.mean), (convention.std, pose.std)):
            assert (255 * ours).flatten().tolist() == pytest.approx(theirs, abs=0.01)


@pytest.mark.parametrize('kind', ['people', 'hands'])
def test_small_style_networks_take_unit_images(kind):
    path = CONFIGS / f'multilevel_alignment/multilevel_synth-{kind}_res18-w32_64x64_published.py'
    training = Config.fromfile(CONFIGS / f'style_transfer/adain-small_synth-{kind}_64x64.py').model
    assert training.get('input', 'unit') == stylizer(Config.fromfile(path)).get('input', 'unit') \
        == 'unit'


@pytest.mark.parametrize('path', MULTILEVEL + UNIFRAME, ids=name)
def test_the_views_are_the_published_ones(path):
    """Of both domains; animals have other source images and no random square."""
    dataset = Config.fromfile(path).train_dataloader.dataset
    animals, hands = 'animal' in path.stem, any(k in path.stem for k in ('hand', 'rhd'))
    *shared, fork = dataset.target.pipeline
    views = [fork.teacher, fork.student, *([] if animals else [dataset.source.pipeline])]
    for view in views:
        found = {t.type: t for t in view}
        boxes, warp = found['QuickRandomBBoxTransform'], found['RecordedTopdownAffine']
        assert boxes.rotate_factor == (180 if hands else 60) and boxes.rotate_prob == 1
        assert boxes.scale_factor == pytest.approx((1 / 1.3, 1 / 0.6))
        assert (boxes.shift_factor, boxes.shift_prob, warp.shear) == (0.05, 1., 30.)
        assert found['RandomFlip'].prob == 0
        if not animals:
            jitter = found['ColorJitter']
            assert [jitter.brightness, jitter.contrast, jitter.saturation] == [0.25] * 3
    squares = [[t for t in p if t.type == 'RandomSquareCrop']
               for p in (shared, fork.teacher, fork.student, dataset.source.pipeline)]
    expected = [] if animals else [dict(type='RandomSquareCrop')]
    assert squares == [expected, [], [], expected]
