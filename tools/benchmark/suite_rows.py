"""Rows that several suites share, see `suites.py`: methods, and parts of them added or removed."""
from __future__ import annotations

from pathlib import Path

META = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets/metainfo'
NO_FEATURE = {'model.alignments.feature': 'None'}
NO_POSE = {'model.alignments.pose': 'None'}
NO_STYLE = {'custom_hooks.0.prob': 0}
# eight validations with label-free criteria, for tools/benchmark/selection.py
_SELECTION = {'train_cfg.val_interval': 100, 'val_cfg.label_free.num_images': 200}
# share of keypoints whose source and target gradients disagree, and their mean cosine
_GRADIENTS = ['gradient_conflict', 'gradient_cosine']


def methods(name: str) -> dict:
    """Every method once. Rows with style transfer use it in both phases."""
    full = f'multilevel_alignment/multilevel_{name}'
    return dict(
        source_init=dict(config=f'source_only/source-only_{name}.py', init=None, hidden=True),
        style_init=dict(config=f'style_only/style-only_{name}.py', init=None, hidden=True),
        source_only=dict(config=f'source_only/source-only-continued_{name}.py',
                         init='source_init'),
        dann=dict(config=f'dann/dann_{name}.py', init='source_init'),
        mean_teacher=dict(config=f'mean_teacher/mean-teacher_{name}.py', init='source_init'),
        mic=dict(config=f'mic/mic_{name}.py', init='source_init'),
        regda=dict(config=f'regda/regda_{name}.py', init='source_init'),
        hamipose=dict(config=f'hamipose/hamipose_{name}.py', init='source_init',
                      logged=_GRADIENTS),
        style_only=dict(config=f'style_only/style-only-continued_{name}.py', init='style_init'),
        uniframe=dict(config=f'uniframe/uniframe_{name}.py', init='style_init'),
        multilevel_published=dict(
            config=f'{full}_published.py', init='style_init',
            files={f'work_dirs/adain-small_{name.split("_")[0]}_64x64/iter_400.pth':
                   'python tools/train.py configs/style_transfer/adain-small_'
                   f'{name.split("_")[0]}_64x64.py'}),
        multilevel=dict(config=f'{full}.py', init='style_init', options=_SELECTION),
        oracle=dict(config=f'oracle/oracle_{name}.py', init='source_init'))


def ablation(name: str) -> dict:
    """Which levels are on, around the mean teacher with keypoint occlusion."""
    config = f'multilevel_alignment/multilevel_{name}.py'
    rows = {}
    for levels, init, options in (
            ('none', 'source_init', {**NO_STYLE, **NO_FEATURE, **NO_POSE}),
            ('style', 'style_init', {**NO_FEATURE, **NO_POSE}),
            ('feature', 'source_init', {**NO_STYLE, **NO_POSE}),
            ('pose', 'source_init', {**NO_STYLE, **NO_FEATURE}),
            ('style+feature', 'style_init', NO_POSE),
            ('style+pose', 'style_init', NO_FEATURE),
            ('feature+pose', 'source_init', NO_STYLE)):
        rows[f'levels_{levels}'] = dict(config=config, init=init, options=options,
                                        table='ablation')
    return rows


def source_free(kind: str, name: str) -> dict:
    """Without source images: the recommended config, its parts one by one, a target without a gap.

    To be compared with ``source_init``, with which they start, and with ``mean_teacher``; the rows
    of the trained start with ``trained_init``, as long on labels again as any row of the suite.
    """
    config = f'source_free/source-free_{name}.py'
    no_distillation = {'model.alignments.distillation': 'None'}
    no_weights = {'model.alignments.weights': 'None'}
    plain = {**no_distillation, **no_weights}
    metainfo = META / f'synth_{kind}_source.py'
    norms = {'model.train_cfg.trained': 'norm'}
    no_gap = {'train_dataloader.dataset.data_root': f'data/synthpose/{kind}/source/images/train/'}
    variants = dict(
        plain=plain, distillation=no_weights, weights=no_distillation,
        norms=norms,  # their weights alone are trained
        frozen_norm={**plain, 'model.train_cfg.student_norm': 'frozen'},
        mixup={**plain, 'model.alignments.mixup.type': 'SelfMixupLoss'},
        prior={**plain, 'model.alignments.prior.type': 'PosePriorLoss',
               'model.alignments.prior.metainfo.from_file': metainfo},
        no_gap=no_gap, norms_no_gap={**norms, **no_gap})
    return dict(
        source_free=dict(config=config, init='source_init'),
        trained_init=dict(config=f'source_only/source-only-continued_{name}.py',
                          init='source_init', hidden=True),
        mean_teacher_trained_start=dict(config=f'mean_teacher/mean-teacher_{name}.py',
                                        init='trained_init', table='source_free'),
        **{f'source_free_trained_{key}': dict(config=config, init='trained_init',
                                              options=variants.get(key, {}), table='source_free')
           for key in ('start', 'no_gap', 'norms', 'norms_no_gap')},
        **{f'source_free_{key}': dict(config=config, init='source_init', options=options,
                                      table='source_free') for key, options in variants.items()})


def gradients(name: str) -> dict:
    """The parts of HamiPose alone and in other forms; together they are the row ``hamipose``."""
    full, adam = (f'hamipose/hamipose_{name}{end}.py' for end in ('', '_adam'))
    gate, optimizer = 'model.gradient_rule', 'optim_wrapper.optimizer'
    rows = {}
    for row, config, options in (
            ('decomposition', adam, {f'{gate}.gate': 'closed'}),
            ('gate_hard', adam, {f'{gate}.gate': 'hard', f'{gate}.confidence': False}),
            ('gate', adam, {}),
            ('gate_element_metric', adam, {f'{gate}.metric.kind': 'element'}),
            ('gate_bounded', adam, {f'{gate}.source_weight_range': '(0.,2.)'}),
            ('optimizer', full, {gate: 'None'}),
            ('no_friction', full, {f'{optimizer}.friction': 0.}),
            ('leapfrog', full, {f'{optimizer}.second_kick': 'next'})):
        logged = [] if row == 'optimizer' else _GRADIENTS
        rows[f'hamipose_{row}'] = dict(config=config, init='source_init', options=options,
                                       table='hamipose', logged=logged)
    return rows
