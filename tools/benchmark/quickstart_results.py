"""What the quickstart takes and gains, from finished runs: a sentence of README.

    udapose quickstart --seed 0 --out work_dirs/q0      # on an idle machine; then 1 and 2
    python tools/benchmark/quickstart_results.py work_dirs/q0 work_dirs/q1 work_dirs/q2 \
        --machine 'AMD EPYC, 2 cores'

Keeps the runs' results in docs/benchmarks/quickstart.json.
"""
from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from step_report import publish

ROOT = Path(__file__).resolve().parents[2]
MARKS = ('<!-- quickstart: begin -->', '<!-- quickstart: end -->')


def sentence(result: dict) -> str:
    """Markdown: seconds, machine, and PCK before and after with the spread over the seeds."""
    runs = result['runs']
    seconds = sorted(run['seconds']['total'] for run in runs)
    scores = {m: [run[m]['target']['PCK@0.05'] for run in runs]
              for m in ('source_only', 'adapted')}
    gains = [after - before for before, after in zip(*scores.values(), strict=True)]
    error = statistics.stdev(gains) / len(gains) ** 0.5
    return (f'After the installation it took {seconds[0] / 60:.1f} to {seconds[-1] / 60:.1f} '
            f'minutes ({result["machine"]}; {len(runs)} seeds, no GPU). Target PCK@0.05 rose from '
            f'{statistics.mean(scores["source_only"]):.1f} to '
            f'{statistics.mean(scores["adapted"]):.1f}: by {statistics.mean(gains):.1f} ± '
            f'{error:.1f} points, at least {min(gains):.1f}.')


def main() -> None:
    """Read the runs, write the record and the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('runs', nargs='+', type=Path, help='folders of finished quickstarts')
    parser.add_argument('--machine', required=True, help='processor and cores, as shown')
    args = parser.parse_args()
    if len(args.runs) < 2:
        parser.error('a spread needs at least two seeds')
    runs = [json.loads((run / 'results.json').read_text(encoding='utf-8')) for run in args.runs]
    result = dict(machine=args.machine, runs=runs)
    publish(result, sentence(result), MARKS, ROOT / 'docs/benchmarks/quickstart.json',
            ROOT / 'README.md')


if __name__ == '__main__':
    main()
