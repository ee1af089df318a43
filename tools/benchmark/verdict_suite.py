"""Finished rows of tools/benchmark/run_suite.py for the verdict's benchmark.

Nobody has chosen the verdict's rule on those that verdict_plan.CHOSEN_ON does not name. A row is
compared with the model that it continued from, on the target domain, on the source domain (no gap)
and on dim source images (a small one). Fresh rows are seen at their last checkpoint alone, the
others at each that is there: checkpoints of one training are alike.
"""
from __future__ import annotations

from pathlib import Path

from suite_run import TESTED, Run
from suites import SUITES
from verdict_plan import CHOSEN_ON, TARGETS
from verdict_runs import predicted, scores
from verdict_train import plain_weights

from udapose.cli._experiment import last_checkpoint

#: What the models of a suite are asked about.
SEEN = dict(people=('people', 'people_same', 'people_dim'), hands=('hands', 'hands_same'),
            photos2=('photos2', ),
            people_simcc=('people_simcc', 'people_simcc_same', 'people_simcc_dim'))


def pairs(folder: Path, data: Path, work: Path):
    """(name, function that returns the records) of every row, seed, checkpoint and target.

    Args:
        folder (Path): Work directory of run_suite.py.
        data (Path): Of this benchmark.
        work (Path): Keeps the predictions.
    """
    for suite, targets in SEEN.items():
        for row, cfg in SUITES[suite]['rows'].items():
            for place in sorted((folder / suite / row).glob('seed*')):
                seed = int(place.name.removeprefix('seed'))
                start = Run(suite, row, seed, folder).needs
                if not start or not all((p / TESTED).exists() for p in (place, start.dir)):
                    continue  # a training that goes on, or was interrupted
                checkpoints = sorted(place.glob('iter_*.pth'), key=_iteration)
                for checkpoint in checkpoints if row in CHOSEN_ON.get(suite, ()) \
                        else checkpoints[-1:]:
                    for target in targets:
                        if target.startswith('photos') and not (data / 'photos').exists():
                            continue
                        name = f'{target}-{suite}_{row}-{_iteration(checkpoint)}-seed{seed}'

                        def make(name=name, target=target, start=start.dir, checkpoint=checkpoint,
                                 suite=suite, row=row, seed=seed, init=cfg['init']):
                            models = last_checkpoint(start), checkpoint
                            outs = [seen(target, suite, c, data, work) for c in models]
                            return [dict(
                                run=name, target=target, gap=TARGETS[target]['gap'], seed=seed,
                                start=init, setting=row,
                                iterations=_iteration(checkpoint), kind='suite', harmful=False,
                                truth=scores(target, *outs, data),
                                files=[str(out.relative_to(work)) + '.npz' for out in outs])]
                        yield name, make


def _iteration(checkpoint: Path) -> int:
    return int(checkpoint.stem.removeprefix('iter_'))


def seen(target: str, suite: str, checkpoint: Path, data: Path, work: Path) -> Path:
    """Predictions of one checkpoint (of a teacher, if it has one); made once."""
    row, seed = checkpoint.parent.parent.name, checkpoint.parent.name
    out = work / 'suite' / f'{target}-{suite}_{row}-{_iteration(checkpoint)}-{seed}'
    if not out.with_name(out.name + '_truth.npz').exists():
        out.parent.mkdir(exist_ok=True)
        plain = plain_weights(checkpoint, out.with_suffix('.pth'))
        predicted(target, plain, data, work, out)
        plain.unlink()
    return out
