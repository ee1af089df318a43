"""The page of MMPose's own configs and README's sentence, from the record of `stock_configs.py`."""
from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from step_report import into_page

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs/benchmarks/stock_configs.md'
README = ROOT / 'README.md'
MARKS = ('<!-- stock_configs: begin -->', '<!-- stock_configs: end -->')
INTRODUCTION = (
    '# Which of MMPose\'s own configs can be adapted\n\n'
    'Made by `python tools/benchmark/stock_configs.py` from `stock_configs.json`; do not edit by '
    'hand. All top-down 2D configs that the installed MMPose ships, of every folder (bottom-up '
    'models and 3D lifting are out of scope).\n\n'
    '*Adapts*: the model of the config (with fewer layers where that keeps its interfaces) became '
    'the `pose_estimator` of `MeanTeacherPoseEstimator`, trained for two iterations on random '
    'images with labels of its own codec, was exported as a plain model, built again from the '
    'export, and predicted like the teacher. *Two domains*: with source images; *source-free*: on '
    'the target alone. That says that everything fits together, not how much an adaptation gains.\n'
)


def adapts(results: dict, mode: str | None = None) -> bool:
    """Whether a config adapts in a mode, or in all of them."""
    return all(r == 'adapts' for m, r in results.items() if mode in (None, m))


def share(count: int, total: int) -> str:
    """``12 (34.5 %)``."""
    return f'{count} ({100 * count / total:.1f} %)' if total else '0'


def summary(record: dict) -> str:
    """One sentence: how many there are, were tried, and adapt."""
    tried = {path: result for path, result in record.items() if result is not None}
    good = share(sum(map(adapts, tried.values())), len(tried))
    if len(tried) == len(record):
        return f'Of the {len(record)} top-down 2D configs that MMPose ships, {good} adapt'
    return (f'Of the {len(record)} top-down 2D configs that MMPose ships, {len(tried)} were tried '
            f'so far, and {good} of these adapt')


def table(record: dict) -> str:
    """Markdown: counts for each folder."""
    rows = defaultdict(list)
    for path, result in record.items():
        rows[tuple(path.split('/')[:2])].append(result)
    lines = ['| task | family | configs | tried | two domains | source-free | others |',
             '|---|---|---|---|---|---|---|']
    for name, results in [*sorted(rows.items()), (('**all**', ''), [*record.values()])]:
        tried = [r for r in results if r is not None]
        own = [sum(adapts(r, mode) for r in tried) for mode in ('two_domain', 'source_free')]
        others = sum(not adapts(r) for r in tried)
        lines.append('| ' + ' | '.join(map(str, (*name, len(results), len(tried), *own,
                                                 others or ''))) + ' |')
    return '\n'.join(lines)


def exceptions(record: dict) -> str:
    """Markdown: every config that does not adapt, below the reason."""
    reasons = defaultdict(list)
    for path, result in sorted(record.items()):
        found = sorted({r for r in (result or {}).values() if r != 'adapts'})
        for reason in found:
            where = [m.replace('_', ' ') for m, r in result.items() if r == reason]
            reasons[reason].append(
                f'- `{path}`' + ('' if len(where) == len(result) else f' ({", ".join(where)})'))
    lines = []
    for reason, paths in sorted(reasons.items()):
        kind, text = reason.split(': ', 1)
        lines += ['', f'{kind.title()}: {" ".join(text.split())}', *paths]
    return '\n'.join(lines)


def markdown(record: dict) -> str:
    """The whole page."""
    parts = [INTRODUCTION, f'{summary(record)}.\n', table(record)]
    found = exceptions(record)
    if found:
        parts += ['\n## Those that do not adapt, and why', found]
    return '\n'.join(parts) + '\n'


def sentence(record: dict) -> str:
    """README's."""
    return (f'{summary(record)} (two iterations on random images, export, loaded again: that all '
            'fits, not what it gains; [table](docs/benchmarks/stock_configs.md)).')


def write_pages(record: dict, page: Path = PAGE, readme: Path = README) -> None:
    """Write the page and the sentence between README's markers."""
    page.write_text(markdown(record), encoding='utf-8')
    into_page(readme, sentence(record), MARKS)
