"""The suite photos2 looked into: upright and upside down, and confidence against precision.

    python tools/benchmark/photo_tables.py            # after run_suite.py

Predicts the test photographs with the last checkpoint of every finished run, and up to 300
photographs of `train` with the source model. Analysed runs are kept in
WORK_DIR/results/photo_analysis.json and not repeated, unless they were trained anew; the tables are
printed. With --record it is the repository's results (docs/benchmarks/photo_analysis.json), and the
tables go to docs/real_photos.md; without a --work-dir they are only written.
"""
from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from paired_statistics import spread
from photo_analysis import LIMBS, THRESHOLDS, by_attitude, by_confidence, judge
from step_report import into_page
from suite_checks import missing_photos
from suite_results import read_results, unknown_note
from suite_run import RECORDED, Run, use_photos
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
    rows = {row: [run['attitude'] for name, run in sorted(record.items())
                  if name.rsplit('-seed', 1)[0] == f'{suite}-{row}']
            for row in SUITES[suite]['rows']}
    rows = {row: runs for row, runs in rows.items() if runs}
    if not rows:
        return []
    counts = next(iter(rows.values()))[0]
    cells = [(part, metric) for part in ('upright', 'upside_down') if part in counts
             for metric in (*(f'PCK@{t:g}' for t in THRESHOLDS), 'sides')]
    shown = {part: counts.get(part, dict(images=0))['images'] for part in
             ('upright', 'upside_down')}
    head = ' | '.join(f'{part.replace("_", " ")} {metric}' for part, metric in cells)
    return [f'{shown["upright"]} of the test photographs show people upright, '
            f'{shown["upside_down"]} upside down (the neck below the hips). *Sides*: % '
            'of people whose left shoulder is predicted on its side of the body; 50 is chance:\n',
            f'| row | {head} | seeds |', '|' + '---|' * (len(cells) + 2),
            *(f'| `{row}` | ' + ' | '.join(
                spread([run[part][metric] for run in runs]) for part, metric in cells)
              + f' | {len(runs)} |' for row, runs in rows.items()), '']


def confidence_table(bins: list[dict]) -> list[str]:
    """Markdown: precision per decile of the confidence."""
    return ['What the source model\'s confidence is worth on the photographs (up to 300 of '
            '`train`; tenths of all joints, the least confident first; % of predictions within the '
            'threshold):\n',
            '| tenth | ' + ' | '.join(str(i + 1) for i in range(len(bins))) + ' |',
            '|' + '---|' * (len(bins) + 1),
            '| mean confidence | ' + ' | '.join(f'{b["confidence"]:.2f}' for b in bins) + ' |',
            *(f'| correct at {t:g} | ' + ' | '.join(
                f'{b[f"precision@{t:g}"]:.0f}' for b in bins) + ' |' for t in THRESHOLDS), '']


def main() -> None:
    """Analyse what is new, write the record and the page."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--work-dir', type=Path, help='that of run_suite.py (default: its default)')
    parser.add_argument('--suite', default='photos2', choices=('photos2', 'photos2_scratch'))
    parser.add_argument('--photos', type=Path, help='as in run_suite.py')
    parser.add_argument('--record', action='store_true', help="the repository's own results")
    args = parser.parse_args()
    use_photos(args.photos)
    work = args.work_dir or (None if args.record else ROOT / 'work_dirs/suite')
    work = work and work.expanduser().resolve()
    results = RECORDED if args.record else work / 'results/runs'
    path = RECORD if args.record else work / 'results/photo_analysis.json'
    try:
        record = read_record(path)
        if work:
            update(record, path, results, args.suite, work)
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
    lines = attitude_table(record, args.suite)
    source = record.get(f'{args.suite}-source_init-seed0', {})
    if 'confidence' in source:
        lines += confidence_table(source['confidence'])
    if args.record:
        into_page(PAGE, '\n'.join(lines), MARKS)
    else:
        print('\n'.join(lines) or f'no finished run in {results}')


def read_record(path: Path) -> dict:
    """What was analysed before.

    Raises:
        ValueError: The file is damaged.
    """
    try:
        return json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}
    except ValueError as error:
        raise ValueError(f'{path} is damaged ({error}): delete it, and all runs are analysed '
                         'again') from error


def update(record: dict, path: Path, results: Path, suite: str, work: Path) -> None:
    """Analyse the runs that are not in the record, or were trained anew since.

    Raises:
        ValueError: A result is damaged, or the photographs are not there.
    """
    os.chdir(ROOT)
    import udapose  # noqa: F401  (before anything of MMPose's)
    known, unknown = read_results(results)
    if unknown:
        print(unknown_note(results, unknown), flush=True)
    waiting, gone = {}, []
    for found in known:
        run = Run(found['suite'], found['row'], found['seed'], work, results)
        trained = [found['commit'], found['iterations'], found['seconds']['train']]
        last = record.get(run.name)  # early entries do not say which training they are of
        if run.suite == suite and (last is None or last.get('trained', trained) != trained):
            if run.complete:
                waiting[run.name] = (run, trained)
            else:
                gone.append(run.name)
    if gone:
        print(f'note: not analysed, for {work} has not their trainings: {", ".join(gone)}',
              flush=True)
    missing = missing_photos(SUITES[suite]) if waiting else None
    if missing:
        raise ValueError(missing)
    for name, (run, trained) in waiting.items():
        print(f'{name}: predicts the photographs', flush=True)
        record[name] = dict(analyse(run), trained=trained)
        write_json(path, record)
        print(name, record[name]['attitude'], flush=True)


if __name__ == '__main__':
    main()
