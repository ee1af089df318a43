"""Runs of `udapose quickstart` (two-domain, hundreds of iterations) for the verdict's benchmark.

Each is seen on the target domain, on the source domain (no gap), and on dim source images.
"""
from __future__ import annotations

from pathlib import Path

from verdict_plan import TARGETS
from verdict_runs import predicted, scores
from verdict_train import plain_weights

#: Model of a quickstart run to its checkpoint.
MODELS = dict(source400='source_only/iter_400.pth', source800='source_only/iter_800.pth',
              adapted300='adapted/iter_300.pth', adapted600='adapted/iter_600.pth')
#: Setting to (start model, model after it, whether anybody should do so).
PAIRS = dict(
    multilevel_half=('source800', 'adapted300', True),
    multilevel=('source800', 'adapted600', True),
    multilevel_continued=('adapted300', 'adapted600', True),
    more_source=('source400', 'source800', True),
    undone=('adapted600', 'source800', False))


def pairs(folders: list[Path], data: Path, work: Path):
    """(name, function that returns the records) of each pair, target and run."""
    for setting, (start, after, good) in PAIRS.items():
        for seed, folder in enumerate(folders):
            for target in ('people', 'people_dim', 'people_same'):
                name = f'{target}-{start}-{setting}-seed{seed}'

                def make(name=name, target=target, start=start, after=after, seed=seed,
                         setting=setting, folder=folder, good=good):
                    outs = [model(target, m, seed, folder, data, work) for m in (start, after)]
                    return [dict(
                        run=name, target=target, gap=TARGETS[target]['gap'], seed=seed,
                        start=start, setting=setting, iterations=int(after[-3:]),
                        kind='quickstart', harmful=not good, truth=scores(target, *outs, data),
                        files=[str(out.relative_to(work)) + '.npz' for out in outs])]
                yield name, make


def model(target: str, name: str, seed: int, folder: Path, data: Path, work: Path) -> Path:
    """Predictions of one model of a quickstart run."""
    out = work / 'quickstart' / f'{target}-{name}-seed{seed}'
    if not out.with_name(out.name + '_truth.npz').exists():
        weights = folder / MODELS[name]
        if name.startswith('adapted'):
            plain = work / 'quickstart' / f'{name}-seed{seed}.pth'
            plain.parent.mkdir(parents=True, exist_ok=True)
            weights = plain if plain.exists() else plain_weights(weights, plain)
        predicted(target, weights, data, work, out)
    return out
