"""Write model-index.yml and a metafile.yml per method, in OpenMMLab's format.

    python tools/benchmark/metafiles.py            # `run_suite.py --report --record` does it, too

Only results that were run are entered: means over the seeds of the embedded benchmark's rows, from
docs/benchmarks/runs/. Weights are not published, so no `Weights` are named.
"""
from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import mean

from suite_results import read_results
from suites import SUITES

ROOT = Path(__file__).resolve().parents[2]
#: Folder of configs -> name of the method, the source of the idea, its arXiv number or address,
#: page of the documentation
METHODS = dict(
    dann=('DANN', 'Unsupervised Domain Adaptation by Backpropagation', '1409.7495',
          'adversarial.md'),
    hamipose=(
        'HamiPose',
        'HamiPose: Hamiltonian Optimization for Unsupervised Domain Adaptive Pose Estimation',
        'https://cvpr.thecvf.com/virtual/2026/poster/36902', 'hamipose.md'),
    masked_reconstruction=(
        'Masked reconstruction',
        'Leveraging 2D Masked Reconstruction for Domain Adaptation of 3D Pose Estimation',
        '2501.08408', 'masked_autoencoder.md'),
    mean_teacher=('Mean teacher', 'Mean teachers are better role models', '1703.01780',
                  'mean_teacher.md'),
    mic=('MIC', 'MIC: Masked Image Consistency for Context-Enhanced Domain Adaptation',
         '2212.01322', 'student_augments.md'),
    multilevel_alignment=(
        'Multi-level alignment',
        'Domain Adaptive Pose Estimation Via Multi-level Alignment',
        '2404.14885', 'multilevel_alignment.md'),
    source_free=('Source-free mean teacher', 'Prior-guided Source-free Domain Adaptation for Human '
                 'Pose Estimation', '2308.13954', 'source_free.md'),
    regda=('RegDA', 'Regressive Domain Adaptation for Unsupervised Keypoint Detection',
           '2103.06175', 'regda.md'),
    uniframe=('UniFrame', 'A Unified Framework for Domain Adaptive Pose Estimation',
              '2204.00172', 'multilevel_alignment.md'))


def as_shipped(suite: str, row: str) -> bool:
    """Whether a row is its config with nothing but validations and lengths changed."""
    kept = ('train_cfg.', 'val_cfg.', 'param_scheduler.')
    return not suite.endswith('_trials') and all(
        key.startswith(kept) for key in SUITES[suite]['rows'][row].get('options', {}))


def metafile(folder: str, runs: dict) -> str | None:
    """The text of a folder's metafile; None if none of its configs was run."""
    name, title, paper, page = METHODS[folder]
    url = paper if '://' in paper else f'https://arxiv.org/abs/{paper}'
    models = []
    for (suite, row), results in sorted(runs.items()):
        config = SUITES[suite]['rows'][row]['config']
        if not config.startswith(folder + '/') or not as_shipped(suite, row):
            continue
        scores = ''.join(
            f'          {metric}: {mean(r["target"][metric] for r in results):.1f}\n'
            for metric in SUITES[suite]['metrics'] if metric in results[0]['target'])
        models.append(
            f'  - Name: {Path(config).stem}{_difference(suite, row, config, runs)}\n'
            f'    In Collection: {name}\n    Config: configs/{config}\n'
            f'    Metadata:\n      Training Data: embedded {suite}, {len(results)} seed'
            f'{"s" * (len(results) > 1)}\n'
            f'    Results:\n      - Task: {"Hand" if "hands" in suite else "Body"} '
            f'{"3D" if "3d" in suite else "2D"} Keypoint\n'
            f'        Dataset: {SUITES[suite].get("title", f"embedded {suite} (target)")}\n'
            f'        Metrics:\n{scores}')
    if not models:
        return None
    return (f'Collections:\n  - Name: {name}\n    Paper:\n      Title: "{title}"\n'
            f'      URL: {url}\n    README: docs/{page}\n'
            f'Models:\n{"".join(models)}')


def _difference(suite: str, row: str, config: str, runs: dict) -> str:
    """What tells a row from others with the same config; '' for the one that is named as it."""
    same = [(s, r) for s, r in sorted(runs) if SUITES[s]['rows'][r]['config'] == config
            and as_shipped(s, r)]
    parts = [row] * (row.replace('_', '-') not in config) + [suite] * (
        len({s for s, _ in same}) > 1)
    return f' ({", ".join(parts)})' if parts else ''


def write_metafiles(runs_folder: Path, root: Path = ROOT) -> list[Path]:
    """Write all files from ``runs_folder/*.json``; returns their paths."""
    runs: dict = defaultdict(list)
    for run in read_results(runs_folder)[0]:
        if 'target' in run['results']:
            runs[run['suite'], run['row']].append(run['results'])
    written = []
    for folder in METHODS:
        text = metafile(folder, runs)
        if text:
            written.append(root / 'configs' / folder / 'metafile.yml')
            written[-1].parent.mkdir(parents=True, exist_ok=True)
            written[-1].write_text(text, encoding='utf-8')
    index = ['Import:', *(f'  - {p.relative_to(root).as_posix()}' for p in written)]
    (root / 'model-index.yml').write_text('\n'.join(index) + '\n', encoding='utf-8')
    return [*written, root / 'model-index.yml']


if __name__ == '__main__':
    for written_path in write_metafiles(ROOT / 'docs/benchmarks/runs'):
        print(written_path.relative_to(ROOT))
