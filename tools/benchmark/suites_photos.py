"""The suites whose target is photographs, see `suites.py`."""
from __future__ import annotations

from suite_rows import NO_FEATURE, NO_POSE, NO_STYLE, ablation, methods

PHOTO_SUITES: dict[str, dict] = {}

# Synthetic people -> real photographs: no oracle, 240 photographs are too few to train on.
_name = 'res18-w32_64x64'
PHOTO_SUITES['photos'] = dict(
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
    rows = {**methods(name), **ablation(name),
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
    for levels, options in (('style+feature', NO_POSE), ('style+pose', NO_FEATURE),
                            ('feature+pose', NO_STYLE)):
        rows[f'close_{levels}'] = dict(rows['multilevel_close'], options=options,
                                       table='ablation_close')
    rows['source_free_close'] = dict(config=f'source_free/source-free_{name}_close.py')
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
    PHOTO_SUITES[f'photos2{_start}'] = dict(
        data='data/synthpose/people2', version=2, train_counts=dict(source=4000, target=8000),
        also=[('data/synthpose/people', 1)], size=128,
        title='photographs of LSP-extended',
        needs={f'$UDAPOSE_TEST_DATA/lspet_photos/{part}.json': part for part in ('train', 'test')},
        domains=dict(target={}, unflagged={}), lower='source_only', upper='oracle',
        metric='PCK@0.05', metrics=['PCK@0.05', 'PCK@0.1', 'TorsoPCK@0.2'],
        references=['source_only', 'mean_teacher'],
        summary=['source_only', 'mean_teacher', 'mean_teacher_extra_views', 'mean_teacher_tuned',
                 'mean_teacher_close', 'uniframe', 'multilevel', 'multilevel_close', 'source_free',
                 'source_free_close', 'oracle'],
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
             {**NO_FEATURE, **NO_POSE, 'model.student_augments': '[]'}),
            ('extra_views', views, {}),
            ('extra_views_quantile_0.2_weight_3', tuned, even),
            ('tuned', tuned, {}),
            ('extra_views_quantile_0.2_weight_3_momentum_0.03', tuned,
             {**even, 'custom_hooks.2.momentum': 0.03})):
        rows[row] = dict(config=config, init='source_init', init_suite='photos2',
                         options={**dict.fromkeys(_LENGTHS, 400), **options})
    return rows


# What the tuned settings of photos2 were chosen by; its test photographs take no part.
PHOTO_SUITES['photos2_trials'] = dict(
    {k: PHOTO_SUITES['photos2'][k] for k in (
        'data', 'version', 'train_counts', 'also', 'size', 'needs', 'metric', 'metrics')},
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
    photos = PHOTO_SUITES['photos2']['rows']
    rows = {row: photos[row] for row in (
        'source_only', 'mean_teacher', 'levels_none', 'levels_pose', 'levels_feature',
        'multilevel', 'mean_teacher_extra_views', 'mean_teacher_tuned', 'mean_teacher_close',
        'multilevel_close', 'oracle')}
    rows['mean_teacher_close_no_occlusion'] = dict(
        rows['mean_teacher_close'], options={'model.student_augments': '[]'})
    return {row: dict({k: v for k, v in cfg.items() if k != 'table'}, init_suite='photos2')
            for row, cfg in rows.items()}


# What the rows `*_close` of photos2 were chosen by. The oracle has learnt these very labels.
PHOTO_SUITES['photos2_long_trials'] = dict(
    PHOTO_SUITES['photos2_trials'], lower='source_only', upper='oracle',
    notes=['How the row `mean_teacher_close` of photos2 was chosen: trainings in full length '
           '(1,000 iterations from its source model, one seed), scored with the labels of the '
           '2,584 photographs that they adapt to. The 600 test photographs take no part. The '
           'oracle was trained on these labels.\n'],
    rows=_long_photo_trials())


def _photos_mae() -> dict:
    """A ViT from scratch, or pre-trained on renderings alone, or on renderings and photographs."""
    name = 'synth-people-to-photos_vit-tiny_96x96'
    length = {'train_cfg.max_iters': 6000, 'param_scheduler.1.end': 6000}
    renderings = {
        'train_dataloader.dataset.target.data_root': 'data/synthpose/people2/target/images/train/'}
    rows = {row: dict(config=f'masked_reconstruction/mae_{name}.py', init=None, hidden=True,
                      test=False, shared=True, options={**length, **options})
            for row, options in (('mae_source', renderings), ('mae', {}))}
    finetune = f'source_only/source-only_{name}.py'
    rows['scratch'] = dict(
        config=finetune, init=None, options={'model.backbone.init_cfg': 'None'})
    for row, init in (('pretrained_source', 'mae_source'), ('pretrained', 'mae')):
        rows[row] = dict(config=finetune, init=init,
                         init_keys=['model.backbone.init_cfg.checkpoint'])
    return rows


# Does target-domain reconstruction help on real images? 2D, as photographs have no 3D labels.
PHOTO_SUITES['photos_mae'] = dict(
    {k: PHOTO_SUITES['photos2'][k] for k in (
        'data', 'version', 'train_counts', 'also', 'size', 'needs', 'metric', 'metrics', 'domains',
        'title')},
    lower='scratch', upper=None, references=['scratch', 'pretrained_source'],
    notes=['Masked reconstruction of rendered people and 2,584 photographs (`pretrained`), or of '
           'as many renderings (`pretrained_source`), then a ViT-tiny at 96 px trained on labelled '
           'renderings alone; scored on 600 other photographs. No foreground weights: photographs '
           'have no masks. Phase 1 is trained once, for all seeds.\n'],
    rows=_photos_mae())
