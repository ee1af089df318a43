"""The runs of tools/benchmark/verdict.py: start models, targets, settings."""
PEOPLE, HANDS = 'synth-people_res18-w32_64x64', 'synth-hands_res18-w32_64x64'
PHOTOS = 'synth-lsp14-to-photos_res18-w32_64x64'

#: Start models: plain config, and checkpoints after these iterations. With ``seeded``, a run starts
#: from a model that was trained with its own seed.
SOURCES = dict(
    people=dict(config=f'source_only/source-only_{PEOPLE}.py', checkpoints=(400, 800), seeded=True),
    hands=dict(config=f'source_only/source-only_{HANDS}.py', checkpoints=(150, 300)),
    lsp14=dict(config='source_only/source-only_synth-lsp14_res18-w32_64x64.py',
               checkpoints=(150, 300)),
    # of finished suite rows alone, see verdict_suite.py
    photos2=dict(config='source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py'),
    people_simcc=dict(config='source_only/source-only_synth-people_cspnext-w32_64x64.py'))
#: What a model is adapted to; ``gap`` in words. ``labels`` are for the truth alone.
TARGETS = dict(
    people=dict(source='people', gap='large', root='people/target'),
    people_dim=dict(source='people', gap='small', root='people/dim'),
    people_same=dict(source='people', gap='none', root='people/source'),
    hands=dict(source='hands', gap='large', root='hands/target'),
    hands_same=dict(source='hands', gap='none', root='hands/source'),
    photos=dict(source='lsp14', gap='large', root='photos'),
    photos2=dict(source='photos2', gap='large', root='photos'),
    people_simcc=dict(source='people_simcc', gap='large', root='people/target'),
    people_simcc_dim=dict(source='people_simcc', gap='small', root='people/dim'),
    people_simcc_same=dict(source='people_simcc', gap='none', root='people/source'))

#: Changes of the source-free config (unless ``mean_teacher``). ``harmful``: what nobody should do.
SETTINGS = dict(
    recommended=dict(iters=45),
    rate_high=dict(iters=40, harmful=True, options={'optim_wrapper.optimizer.lr': 1e-2}),
    mean_teacher=dict(iters=45, mean_teacher=True),
    noise_images=dict(iters=40, no_terms=True, harmful=True, images='noise'),
    rate_high_no_terms=dict(iters=40, no_terms=True, harmful=True,
                            options={'optim_wrapper.optimizer.lr': 3e-3,
                                     'model.train_cfg.confidence_quantile': 0.}),
    slow=dict(iters=40, options={'optim_wrapper.optimizer.lr': 1e-4}),
    no_terms=dict(iters=45, no_terms=True),
    other_images=dict(iters=40, no_terms=True, harmful=True, images='other'),
    no_average=dict(iters=40, no_terms=True, harmful=True, momentum=1.,
                    options={'optim_wrapper.optimizer.lr': 2e-3}),
    all_labels=dict(iters=40, no_terms=True, harmful=True,
                    options={'model.train_cfg.confidence_quantile': 0.}),
    few_images=dict(iters=40, images='few'))
#: Changes of the start model's weights without training, see verdict_train.change_weights.
WEIGHTS = dict(
    norms=dict(images='train'), norms_noise=dict(images='noise', harmful=True),
    shaken=dict(noise=0.1, harmful=True), shaken_hard=dict(noise=0.25, harmful=True))
#: (target, checkpoint, setting, seed). Each seed has other start models, gaps and random numbers;
#: the runs of seed 2 were made after the present thresholds had been chosen.
PLAN = [
    (target, checkpoint, setting, seed)
    for setting in SETTINGS for seed, part in enumerate((
        (('people', 400), ('people_same', 800), ('hands', 300), ('people', 800), ('photos', 300)),
        (('people_dim', 400), ('people', 400), ('hands', 150), ('hands_same', 300),
         ('photos', 150), ('people_dim', 800)),
        (('people_same', 400), ('people_dim', 800), ('people', 800))))
    for target, checkpoint in part
    if not (target == 'photos' and setting in ('no_average', 'few_images', 'all_labels'))]
PLAN += [(target, checkpoint, setting, seed) for target, checkpoint, first, seed in PLAN
         if first == 'recommended' for setting in WEIGHTS]

#: Rows of the suites that the present thresholds were chosen on, too. All others are fresh.
CHOSEN_ON = dict(
    people=('source_free', 'source_free_no_gap', 'multilevel', 'multilevel_published'),
    hands=('multilevel_published', ),
    photos2=('source_only', 'mean_teacher', 'mean_teacher_weak_view', 'multilevel', 'oracle'))


def run_name(target: str, checkpoint: int, setting: str, seed: int) -> str:
    """Of a run's folder and record."""
    return f'{target}-{checkpoint}-{setting}-seed{seed}'
