"""The rows of the benchmark: which config continues from which, per suite.

A row is trained from the checkpoint of ``init`` (a row of the same suite and seed), with
``options`` as config overrides. Its test sets are those of the config; ``lower`` and ``upper``
rows frame the gap that a method closes. ``bar``: rows whose source error is above that share of a
row's do not count. README's table compares rows with ``summary_reference`` (default: ``lower``).
Rows with a ``table`` are in a table of their own (`ablations.py`). A ``shared``
row is trained once, with seed 0, and all seeds continue from it; ``init_suite`` names the suite of
``init`` if it is another one. ``lengths`` names the config keys that hold the number of iterations,
for the options --source-iters and --adapt-iters of run_suite.py; ``logged`` names curves of the
log whose mean over the training the result keeps. ``needs``: annotations of
photographs that nobody can render, and the folder of the images beside each.
"""
from __future__ import annotations

from suite_rows import META, ablation, gradients, methods, source_free
from suites_3d import masked_reconstruction
from suites_photos import PHOTO_SUITES

# 'domains': the test sets, with the config keys that choose them
SUITES: dict[str, dict] = {}

for _kind in ('people', 'hands'):
    _name = f'synth-{_kind}_res18-w32_64x64'
    SUITES[_kind] = dict(
        data=f'data/synthpose/{_kind}',
        domains={domain: {
            'test_dataloader.dataset.data_root': f'data/synthpose/{_kind}/{domain}/',
            'test_dataloader.dataset.metainfo.from_file': META / f'synth_{_kind}_{domain}.py',
            'test_evaluator.prefix': domain} for domain in ('target', 'source')},
        lower='source_only', upper='oracle', metric='PCK@0.05', metrics=['PCK@0.05', 'PCK@0.1'],
        references=['source_only', 'mean_teacher'], label=_kind,
        summary=['source_only', 'mean_teacher', 'multilevel', 'source_free', 'oracle'],
        summary_heading='Rendered people and hands at 64 px, another rendering as target '
                        '(target PCK in %)',
        rows={**methods(_name), **ablation(_name), **source_free(_kind, _name),
              **gradients(_name)})

# A row's name means the same as with heatmaps: multilevel has its phase 1 with style, too.
for _kind in ('people', 'hands'):
    _rows = methods(f'synth-{_kind}_cspnext-w32_64x64')
    SUITES[f'{_kind}_simcc'] = dict(
        {k: SUITES[_kind][k] for k in ('data', 'domains', 'metric', 'metrics')},
        lower='source_only', upper='oracle', references=['source_only', 'mean_teacher'],
        label=_kind, summary=['source_only', 'mean_teacher', 'multilevel', 'oracle'],
        summary_heading='The same with a small RTMPose (SimCC) in place of heatmaps (target, %)',
        notes=['A CPU-sized RTMPose (two stages of CSPNeXt, 0.9 million parameters, SimCC) in '
               'place of ResNet-18 with heatmaps; iterations, batches and augmentation as there, '
               'and no setting was searched for this model.\n'],
        rows={row: _rows[row] for row in ('source_init', 'style_init', 'source_only',
                                          'mean_teacher', 'multilevel', 'oracle')})

# Both papers together, and the same without the pre-training and its attention: on a ViT, so not
# to be compared with the rows of `people`.
_vit = 'synth-people_vit-tiny_64x64'
_mae = {f'work_dirs/mae_{_vit}/iter_1200.pth':
        f'python tools/train.py configs/masked_reconstruction/mae_{_vit}.py'}
_adapt = f'mean_teacher/mean-teacher_{_vit}.py'
SUITES['people_vit'] = dict(
    {k: SUITES['people'][k] for k in ('data', 'domains', 'metric', 'metrics')},
    lower='mean_teacher', upper=None,
    notes=['ViT-tiny with style transfer and mean teacher; `both_papers` adds masked pre-training '
           'and the attention term. Phase 1: with style transfer, without and with the '
           'pre-trained encoder. Both have layer-wise decay (0.8), which is made for the '
           'latter.\n'],
    rows=dict(
        style_init=dict(config=f'style_only/style-only_{_vit}.py', init=None, hidden=True,
                        options={'model.backbone.init_cfg': 'None'}),
        mae_init=dict(config=f'style_only/style-only_{_vit}.py', init=None, hidden=True,
                      files=_mae),
        mean_teacher=dict(config=_adapt, init='style_init',
                          options={'model.alignments.attention': 'None'}),
        both_papers=dict(config=_adapt, init='mae_init', files=_mae)))

SUITES.update(PHOTO_SUITES)

# 3D: masked reconstruction, at 64 px and, with longer trainings, at 96 px
for _kind, _side in (('people', 64), ('hands', 64), ('people', 96), ('hands', 96)):
    SUITES[f'{_kind}3d' + ('' if _side == 64 else f'_{_side}')] = dict(
        data=f'data/synthpose/{_kind}',
        domains={domain: {
            **{k: v for k, v in keys.items() if not k.startswith('test_evaluator')},
            'test_evaluator.0.prefix': domain, 'test_evaluator.1.prefix': domain}
            for domain, keys in SUITES[_kind]['domains'].items()},
        lower='scratch', upper='oracle' if _side > 64 else None, lower_is_better=True,
        metric='MPJPE', label=_kind,
        summary=['mean_pose', 'scratch', 'scratch_augment', 'full', 'oracle'],
        summary_reference='scratch_augment',  # pre-training's rival, not plain source images
        summary_heading=f'3D at {_side} px, another rendering as target (target errors in mm, '
                        'AUC in %)',
        bar=('mean_pose', 0.8),
        metrics=['MPJPE', 'PA-MPJPE', 'AUC@0-50'],
        references=['scratch', 'scratch_augment', 'pretrained'],
        notes=['MPJPE and PA-MPJPE in mm, AUC in percent; root-relative, at the true root depth. '
               'Phase 1: pre-training, once for all rows that continue from it'
               + (', and for all seeds: the spread is that of the fine-tuning. `oracle`: trained '
                  "on the target's labels in place of the source's, from the same start as "
                  '`full`.\n' if _side > 64 else '.\n')],
        rows=masked_reconstruction(_kind, _side))

# What can be learnt at all: a convolutional network from ImageNet weights, source images only.
for _kind in ('people', 'hands'):
    _spec = SUITES[f'{_kind}3d']
    SUITES[f'{_kind}3d_reference'] = dict(
        {k: _spec[k] for k in ('data', 'domains', 'metric', 'metrics', 'lower_is_better')},
        lower='mean_pose', upper=None,
        notes=['What these data allow: MobileNetV2 from ImageNet weights at three input sizes, '
               'trained on labelled source images only. MPJPE and PA-MPJPE in mm, AUC in percent; '
               'root-relative, at the true root depth.\n'],
        rows=dict(mean_pose=_spec['rows']['mean_pose'], **{
            f'mobilenetv2_{s}': dict(
                config=f'source_only/source-only_synth-{_kind}-3d_mobilenetv2_{s}x{s}.py',
                init=None)
            for s in (64, 96, 128)}))
