"""The suite photos2 looked into: upright and upside down, and confidence against precision.

    python tools/benchmark/photo_tables.py --work-dir work_dirs/suite     # after run_suite.py
    python tools/benchmark/photo_tables.py                                # only write the page

Predicts the test photographs with the last checkpoint of every finished run below the folder, and
300 photographs of `train` with the source model. Analysed runs are kept in
docs/benchmarks/photo_analysis.json and not repeated; the tables go to docs/real_photos.md.
"""
from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from paired_statistics import spread
from photo_analysis import LIMBS, THRESHOLDS, by_attitude, by_confidence, judge
from run_suite import RUNS, Run
from step_report import into_page
from suites import SUITES

from udapose.cli._experiment import CONFIGS, ROOT, last_checkpoint, write_json

RECORD = ROOT / 'docs/benchmarks/photo_analysis.json'
PAGE = ROOT / 'docs/real_photos.md'
MARKS = ('<!-- photo analysis: written by tools/benchmark/photo_tables.py, do not edit -->',
         '<!-- photo analysis: end -->')


def analyse(run: Run) -> dict:
    """By attitude on the test photographs; for the source model also by confidence on `train`."""
    config, checkpoint = CONFIGS / run.cfg['config'], str(last_checkpoint(run.dir))
    if run.row != 'source_init':
        return dict(attitude=by_attitude(judge(config, checkpoint, 'test'), LIMBS))
    # phase 1 validates on rendered people; the photographs are the other configs' data
    config = CONFIGS / run.spec['rows']['source_only']['config']
    return dict(attitude=by_attitude(judge(config, checkpoint, 'test'), LIMBS),
                confidence=by_confidence(judge(config, checkpoint, 'val'), LIMBS))


def attitude_table(record: dict, suite: str) -> list[str]:
    """Markdown: PCK of upright people and of those upside down, per row."""
    cells = [(part, metric) for part in ('upright', 'upside_down')
             for metric in (*(f'PCK@{t:g}' for t in THRESHOLDS), 'sides')]
    rows = {row: [run['attitude'] for name, run in sorted(record.items())
                  if name.rsplit('-seed', 1)[0] == f'{suite}-{row}']
            for row in SUITES[suite]['rows']}
    rows = {row: runs for row, runs in rows.items() if runs}
    if not rows:
        return []
    counts = next(iter(rows.values()))[0]
    head = ' | '.join(f'{part.replace("_", " ")} {metric}' for part, metric in cells)
    return [f'{counts["upright"]["images"]} of the test photographs show people upright, '
            f'{counts["upside_down"]["images"]} upside down (the neck below the hips). *Sides*: % '
            'of people whose left shoulder is predicted on its side of the body; 50 is chance:\n',
            f'| row | {head} | seeds |', '|' + '---|' * (len(cells) + 2),
            *(f'| `{row}` | ' + ' | '.join(
                spread([run[part][metric] for run in runs]) for part, metric in cells)
              + f' | {len(runs)} |' for row, runs in rows.items()), '']


def confidence_table(bins: list[dict]) -> list[str]:
    """Markdown: precision per decile of the confidence."""
    return ['What the source model\'s confidence is worth on the photographs (300 of `train`; '
            'tenths of all joints, the least confident first; % of predictions within the '
            'threshold):\n',
            '| tenth | ' + ' | '.join(str(i + 1) for i in range(len(bins))) + ' |',
            '|' + '---|' * (len(bins) + 1),
            '| mean confidence | ' + ' | '.join(f'{b["confidence"]:.2f}' for b in bins) + ' |',
            *(f'| correct at {t:g} | ' + ' | '.join(
                f'{b[f"precision@{t:g}"]:.0f}' for b in bins) + ' |' for t in THRESHOLDS), '']


def main() -> None:
    """Analyse what is new, write the record and the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, help='that of run_suite.py')
    parser.add_argument('--suite', default='photos2')
    args = parser.parse_args()
    record = json.loads(RECORD.read_text(encoding='utf-8')) if RECORD.exists() else {}
    if args.work_dir:
        if 'UDAPOSE_TEST_DATA' in os.environ:  # the configs are read in other folders, too
            os.environ['UDAPOSE_TEST_DATA'] = str(Path(os.environ['UDAPOSE_TEST_DATA']).resolve())
        work = args.work_dir.resolve()
        os.chdir(ROOT)
        import udapose  # noqa: F401  (before anything of MMPose's)
        for path in sorted(RUNS.glob(f'{args.suite}-*.json')):
            row, seed = path.stem.removeprefix(f'{args.suite}-').rsplit('-seed', 1)
            run = Run(args.suite, row, int(seed), work)
            if path.stem not in record and (run.dir / 'last_checkpoint').exists():
                record[path.stem] = analyse(run)
                write_json(RECORD, record)
                print(path.stem, record[path.stem]['attitude'], flush=True)
    lines = attitude_table(record, args.suite)
    source = record.get(f'{args.suite}-source_init-seed0', {})
    into_page(PAGE, '\n'.join(lines + confidence_table(source['confidence'])
                              if 'confidence' in source else lines), MARKS)


if __name__ == '__main__':
    main()
