"""The rows of the benchmark: which config continues from which, per suite.

A row is trained from the checkpoint of ``init`` (a row of the same suite and seed), with
``options`` as config overrides. Its test sets are those of the config; ``lower`` and ``upper``
rows frame the gap that a method closes. ``bar``: rows whose source error is above that share of a
row's do not count. Rows with ``table='ablation'`` have a table of their own. A ``shared`` row is
trained once, with seed 0, and all seeds continue from it; ``init_suite`` names the suite of
``init`` if it is another one. ``lengths`` names the config keys that hold the number of iterations,
for the options --source-iters and --adapt-iters of run_suite.py. ``needs``: annotations of
photographs that nobody can render, and the folder of the images beside each.
"""
from __future__ import annotations

from pathlib import Path

from suites_3d import masked_reconstruction

_META = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets/metainfo'
_NO_FEATURE = {'model.alignments.feature': 'None'}
_NO_POSE = {'model.alignments.pose': 'None'}
_NO_STYLE = {'custom_hooks.0.prob': 0}
# eight validations with label-free criteria, for tools/benchmark/selection.py
_SELECTION = {'train_cfg.val_interval': 100, 'val_cfg.label_free.num_images': 200}

# 'domains': the test sets, with the config keys that choose them
SUITES: dict[str, dict] = {}


def _methods(name: str) -> dict:
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
        hamipose=dict(config=f'hamipose/hamipose_{name}.py', init='source_init'),
        style_only=dict(config=f'style_only/style-only-continued_{name}.py', init='style_init'),
        uniframe=dict(config=f'uniframe/uniframe_{name}.py', init='style_init'),
        multilevel_published=dict(
            config=f'{full}_published.py', init='style_init',
            files={f'work_dirs/adain-small_{name.split("_")[0]}_64x64/iter_400.pth':
                   'python tools/train.py configs/style_transfer/adain-small_'
                   f'{name.split("_")[0]}_64x64.py'}),
        multilevel=dict(config=f'{full}.py', init='style_init', options=_SELECTION),
        oracle=dict(config=f'oracle/oracle_{name}.py', init='source_init'))


def _ablation(name: str) -> dict:
    """Which levels are on, around the mean teacher with keypoint occlusion."""
    config = f'multilevel_alignment/multilevel_{name}.py'
    rows = {}
    for levels, init, options in (
            ('none', 'source_init', {**_NO_STYLE, **_NO_FEATURE, **_NO_POSE}),
            ('style', 'style_init', {**_NO_FEATURE, **_NO_POSE}),
            ('feature', 'source_init', {**_NO_STYLE, **_NO_POSE}),
            ('pose', 'source_init', {**_NO_STYLE, **_NO_FEATURE}),
            ('style+feature', 'style_init', _NO_POSE),
            ('style+pose', 'style_init', _NO_FEATURE),
            ('feature+pose', 'source_init', _NO_STYLE)):
        rows[f'levels_{levels}'] = dict(config=config, init=init, options=options,
                                        table='ablation')
    return rows


def _source_free(kind: str, name: str) -> dict:
    """Without source images: the recommended config, its parts one by one, a target without a gap.

    To be compared with ``source_init``, with which they start, and with ``mean_teacher``.
    """
    config = f'source_free/source-free_{name}.py'
    no_distillation = {'model.alignments.distillation': 'None'}
    no_weights = {'model.alignments.weights': 'None'}
    plain = {**no_distillation, **no_weights}
    metainfo = _META / f'synth_{kind}_source.py'
    variants = dict(
        plain=plain, distillation=no_weights, weights=no_distillation,
        frozen_norm={**plain, 'model.train_cfg.student_norm': 'frozen'},
        mixup={**plain, 'model.alignments.mixup.type': 'SelfMixupLoss'},
        prior={**plain, 'model.alignments.prior.type': 'PosePriorLoss',
               'model.alignments.prior.metainfo.from_file': metainfo},
        no_gap={'train_dataloader.dataset.data_root':
                f'data/synthpose/{kind}/source/images/train/'})
    return dict(
        source_free=dict(config=config, init='source_init'),
        **{f'source_free_{key}': dict(config=config, init='source_init', options=options,
                                      table='source_free') for key, options in variants.items()})


for _kind in ('people', 'hands'):
    _name = f'synth-{_kind}_res18-w32_64x64'
    SUITES[_kind] = dict(
        data=f'data/synthpose/{_kind}',
        domains={domain: {
            'test_dataloader.dataset.data_root': f'data/synthpose/{_kind}/{domain}/',
            'test_dataloader.dataset.metainfo.from_file': _META / f'synth_{_kind}_{domain}.py',
            'test_evaluator.prefix': domain} for domain in ('target', 'source')},
        lower='source_only', upper='oracle', metric='PCK@0.05', metrics=['PCK@0.05', 'PCK@0.1'],
        references=['source_only', 'mean_teacher'], label=_kind,
        summary=['source_only', 'mean_teacher', 'multilevel', 'source_free', 'oracle'],
        summary_heading='Rendered people and hands at 64 px, another rendering as target '
                        '(target PCK in %)',
        rows={**_methods(_name), **_ablation(_name), **_source_free(_kind, _name)})

def _gradients(name: str) -> dict:
    """The parts of HamiPose alone, together and in other forms, around the mean teacher."""
    full, adam = (f'hamipose/hamipose_{name}{end}.py' for end in ('', '_adam'))
    gate, optimizer = 'model.gradient_rule', 'optim_wrapper.optimizer'
    rows = dict(
        source_init=dict(config=f'source_only/source-only_{name}.py', init=None, hidden=True),
        mean_teacher=dict(config=f'mean_teacher/mean-teacher_{name}.py', init='source_init'))
    for row, config, options in (
            ('decomposition', adam, {f'{gate}.gate': 'closed'}),
            ('gate_hard', adam, {f'{gate}.gate': 'hard', f'{gate}.confidence': False}),
            ('gate', adam, {}),
            ('gate_element_metric', adam, {f'{gate}.metric.kind': 'element'}),
            ('gate_bounded', adam, {f'{gate}.source_weight_range': '(0.,2.)'}),
            ('optimizer', full, {gate: 'None'}),
            ('gate_optimizer', full, {}),
            ('gate_optimizer_no_friction', full, {f'{optimizer}.friction': 0.}),
            ('gate_optimizer_leapfrog', full, {f'{optimizer}.second_kick': 'next'})):
        rows[row] = dict(config=config, init='source_init', options=options)
    return rows


for _kind in ('people', 'hands'):
    SUITES[f'{_kind}_gradients'] = dict(
        {k: SUITES[_kind][k] for k in ('data', 'domains', 'metric', 'metrics')},
        lower='mean_teacher', upper=None,
        notes=['HamiPose by parts (docs/hamipose.md), all around the mean teacher.\n'],
        rows=_gradients(f'synth-{_kind}_res18-w32_64x64'))

# A row's name means the same as with heatmaps: multilevel has its phase 1 with style, too.
for _kind in ('people', 'hands'):
    _rows = _methods(f'synth-{_kind}_cspnext-w32_64x64')
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
           'pre-trained encoder.\n'],
    rows=dict(
        style_init=dict(config=f'style_only/style-only_{_vit}.py', init=None, hidden=True,
                        options={'model.backbone.init_cfg': 'None'}),
        mae_init=dict(config=f'style_only/style-only_{_vit}.py', init=None, hidden=True,
                      files=_mae),
        mean_teacher=dict(config=_adapt, init='style_init',
                          options={'model.alignments.attention': 'None'}),
        both_papers=dict(config=_adapt, init='mae_init', files=_mae)))

# Synthetic people -> real photographs: no oracle, 240 photographs are too few to train on.
_name = 'res18-w32_64x64'
SUITES['photos'] = dict(
    data='data/synthpose/people', needs={'data/lspet/annotations/test.json': '../images'},
    domains=dict(target={}),
    lower='source_only', upper=None, metric='PCK@0.05', metrics=['PCK@0.05', 'PCK@0.1'],
    rows=dict(
        source_init=dict(config=f'source_only/source-only_synth-lsp14_{_name}.py', init=None,
                         hidden=True),
        source_only=dict(config=f'source_only/source-only-continued_synth-lsp14_{_name}.py',
                         init='source_init'),
        mean_teacher=dict(config=f'mean_teacher/mean-teacher_synth-lsp14-to-photos_{_name}.py',
                          init='source_init')))

# Rendered people (both domains, version 2) -> the training photographs, scored on others. All rows
# and seeds continue from one long source model.
_LENGTHS = ['train_cfg.max_iters', 'param_scheduler.1.T_max', 'param_scheduler.1.end']


def _photos2(start: str) -> dict:
    """Rows from ImageNet weights (``''``) or from scratch (``'_scratch'``)."""
    name = 'synth-people-to-photos_mobilenetv2_128x128'
    adain = {'work_dirs/adain-small_synth-people-to-photos_128x128/iter_800.pth':
             'python tools/train.py '
             'configs/style_transfer/adain-small_synth-people-to-photos_128x128.py'}
    rows = {**_methods(name), **_ablation(name),
            'source_free': dict(config=f'source_free/source-free_{name}.py', init='source_init')}
    del rows['style_init']
    rows['source_init'] = dict(config=f'source_only/source-only_{name}{start}.py', init=None,
                               hidden=True, shared=True)
    for kind in ('scheduled', 'calibrated', 'weak-view', 'extra-views', 'close', 'tuned'):
        rows[f'mean_teacher_{kind.replace("-", "_")}'] = dict(
            config=f'mean_teacher/mean-teacher_{name}_{kind}.py', init='source_init')
    for kind in ('tuned', 'close'):
        rows[f'multilevel_{kind}'] = dict(
            config=f'multilevel_alignment/multilevel_{name}_{kind}.py', init='source_init')
    rows['style_only_adain'] = dict(
        config=f'style_only/style-only-continued_{name}_adain.py', init='source_init', files=adain)
    rows['multilevel_published']['files'] = adain
    rows['multilevel']['options'] = {'val_cfg.label_free.num_images': 200}
    for row in ('uniframe', 'mic', 'multilevel_published'):  # for selection.py, as _SELECTION
        rows[row]['options'] = {'train_cfg.val_interval': 125, 'val_cfg.label_free.num_images': 200}
    for row, cfg in rows.items():
        cfg['init'] = None if row == 'source_init' else 'source_init'
        cfg['lengths'] = _LENGTHS
    rows['oracle'] = rows.pop('oracle')  # the last one in tables
    return rows


for _start in ('', '_scratch'):
    SUITES[f'photos2{_start}'] = dict(
        data='data/synthpose/people2', version=2, train_counts=dict(source=4000, target=8000),
        also=[('data/synthpose/people', 1)], size=128,
        title='photographs of LSP-extended',
        needs={f'$UDAPOSE_TEST_DATA/lspet_photos/{part}.json': part for part in ('train', 'test')},
        domains=dict(target={}, unflagged={}), lower='source_only', upper='oracle',
        metric='PCK@0.05', metrics=['PCK@0.05', 'PCK@0.1', 'TorsoPCK@0.2'],
        references=['source_only', 'mean_teacher'],
        summary=['source_only', 'mean_teacher', 'mean_teacher_extra_views', 'mean_teacher_tuned',
                 'mean_teacher_close', 'uniframe', 'multilevel', 'multilevel_close', 'source_free',
                 'oracle'],
        summary_heading='Rendered people to 600 real photographs (LSP-extended, 128 px, '
                        + ('from scratch' if _start else 'ImageNet start') + ')',
        notes=['Rendered people of versions 1 and 2, both domains labelled, to 2,584 photographs '
               'without labels; scored on 600 others (*unflagged*: the 511 whose labels no third '
               'party doubts). MobileNetV2 at 128 px from '
               f'{"scratch" if _start else "ImageNet weights"}; one source model for all rows and '
               'seeds. TorsoPCK@0.2: error up to 0.2 of the torso, all 14 joints.\n'],
        rows=_photos2(_start))


def _photo_trials() -> dict:
    """Short trainings from the source model of photos2, each a choice or several."""
    name = 'synth-people-to-photos_mobilenetv2_128x128'
    plain, views, tuned = (f'mean_teacher/mean-teacher_{name}{end}.py'
                           for end in ('', '_extra-views', '_tuned'))
    quantile, weight = 'model.train_cfg.confidence_quantile', 'model.consistency.loss_weight'
    even = {'train_dataloader.sampler.source_ratio': '[1,1]'}
    rows = {}
    for row, config, options in (
            ('mean_teacher', plain, {}),
            ('weight_3', plain, {weight: 3.}),
            ('quantile_0.25', plain, {quantile: 0.25}),
            ('style', f'multilevel_alignment/multilevel_{name}.py',
             {**_NO_FEATURE, **_NO_POSE, 'model.student_augments': '[]'}),
            ('extra_views', views, {}),
            ('extra_views_quantile_0.2_weight_3', tuned, even),
            ('tuned', tuned, {}),
            ('extra_views_quantile_0.2_weight_3_momentum_0.03', tuned,
             {**even, 'custom_hooks.2.momentum': 0.03})):
        rows[row] = dict(config=config, init='source_init', init_suite='photos2',
                         options={**dict.fromkeys(_LENGTHS, 400), **options})
    return rows


# What the tuned settings of photos2 were chosen by; its test photographs take no part.
SUITES['photos2_trials'] = dict(
    {k: SUITES['photos2'][k] for k in ('data', 'version', 'train_counts', 'also', 'size', 'needs',
                                       'metric', 'metrics')},
    domains=dict(target={'test_dataloader.dataset.ann_file': 'train.json',
                         'test_dataloader.dataset.data_prefix.img': 'train/'}),
    lower='mean_teacher', upper=None,
    title='photographs of LSP-extended that were adapted to',
    notes=['How the row `mean_teacher_tuned` of photos2 was chosen: trainings of 400 iterations '
           'from its source model, one seed, scored with the labels of the 2,584 photographs that '
           'they adapt to. The 600 test photographs take no part.\n'],
    rows=_photo_trials())


def _long_photo_trials() -> dict:
    """Trainings of photos2, in full length, scored on the photographs that they adapt to."""
    photos = SUITES['photos2']['rows']
    rows = {row: photos[row] for row in (
        'source_only', 'mean_teacher', 'levels_none', 'levels_pose', 'levels_feature',
        'multilevel', 'mean_teacher_extra_views', 'mean_teacher_tuned', 'mean_teacher_close',
        'multilevel_close', 'oracle')}
    rows['mean_teacher_close_no_occlusion'] = dict(
        rows['mean_teacher_close'], options={'model.student_augments': '[]'})
    return {row: dict({k: v for k, v in cfg.items() if k != 'table'}, init_suite='photos2')
            for row, cfg in rows.items()}


# What the rows `*_close` of photos2 were chosen by. The oracle has learnt these very labels.
SUITES['photos2_long_trials'] = dict(
    SUITES['photos2_trials'], lower='source_only', upper='oracle',
    notes=['How the row `mean_teacher_close` of photos2 was chosen: trainings in full length '
           '(1,000 iterations from its source model, one seed), scored with the labels of the '
           '2,584 photographs that they adapt to. The 600 test photographs take no part. The '
           'oracle was trained on these labels.\n'],
    rows=_long_photo_trials())

# 3D: masked reconstruction, at 64 px and, with longer trainings, at 96 px
for _kind, _side in (('people', 64), ('hands', 64), ('people', 96), ('hands', 96)):
    SUITES[f'{_kind}3d' + ('' if _side == 64 else f'_{_side}')] = dict(
        data=f'data/synthpose/{_kind}',
        domains={domain: {
            **{k: v for k, v in keys.items() if not k.startswith('test_evaluator')},
            'test_evaluator.0.prefix': domain, 'test_evaluator.1.prefix': domain}
            for domain, keys in SUITES[_kind]['domains'].items()},
        lower='scratch', upper=None, lower_is_better=True, metric='MPJPE', label=_kind,
        summary=['mean_pose', 'scratch', 'scratch_augment', 'full'],
        summary_heading=f'3D at {_side} px, another rendering as target (target errors in mm, '
                        'AUC in %)',
        bar=('mean_pose', 0.8),
        metrics=['MPJPE', 'PA-MPJPE', 'AUC@0-50'],
        references=['scratch', 'scratch_augment', 'pretrained'],
        notes=['MPJPE and PA-MPJPE in mm, AUC in percent; root-relative, at the true root depth. '
               'Phase 1: pre-training, once for all rows that continue from it.\n'],
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
