"""Judges the runs of tools/benchmark/verdict.py and writes records and tables."""
from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import verdict_data
from verdict_plan import TARGETS
from verdict_runs import held_back
from verdict_train import plain_config

from udapose.adaptation.people import Predictions
from udapose.adaptation.verdict import BETTER, SAME, WORSE, judge
from udapose.cli._experiment import ROOT, write_json

WORDS = (BETTER, SAME, WORSE)
#: Points of PCK@0.05 that count as a change.
CLEAR = 1.
PAGE = ROOT / 'docs/verdict.md'
MARKERS = '<!-- verdict: written by tools/benchmark/verdict.py, do not edit -->', \
    '<!-- end of verdict -->'
HALVES = {0: 'chosen on', 1: 'not looked at before'}


@cache
def meta_of(source: str, data: Path, work: Path) -> dict:
    """``dataset_meta`` of a start model."""
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    cfg = plain_config(source, data, work)
    return parse_pose_metainfo(dict(cfg.train_dataloader.dataset.metainfo))


@cache
def people_of(target: str, data: Path):
    """The held-back people of a target."""
    return held_back(target, data)


def snapshots(work: Path) -> list[dict]:
    """Records of all finished runs."""
    return [record for path in sorted((work / 'records').glob('*.json'))
            for record in json.loads(path.read_text(encoding='utf-8'))]


def truth_of(record: dict) -> str:
    """What the verdict should say."""
    before, after = record['truth']['PCK@0.05']
    change = after - before
    return BETTER if change > CLEAR else WORSE if change < -CLEAR else SAME


def judged(record: dict, work: Path) -> dict:
    """The record with the verdict without labels."""
    data, source = work / 'data', TARGETS[record['target']]['source']
    before, after = (Predictions.load(work / file) for file in record.pop('files'))
    found = judge(before, after, people_of(record['target'], data), meta_of(source, data, work))
    return dict(record, true=truth_of(record), verdict=found.word, sure=found.sure,
                reasons=found.reasons, people=found.people, groups=found.groups,
                measures={row['name']: {k: row[k] for k in ('before', 'after', 'interval')}
                          for row in found.measures})


def write(work: Path, out: Path) -> None:
    """Judge everything, write one JSON a run, ``confusion.json`` and the tables."""
    records = [judged(record, work) for record in snapshots(work)]
    if not records:
        print('no run is finished yet')
        return
    for name in {r['run'] for r in records}:
        write_json(out / 'runs' / f'{name}.json', [r for r in records if r['run'] == name])
    write_json(out / 'data.json', verdict_data.describe(work / 'data'))
    report(out)


def report(out: Path) -> None:
    """The tables from the committed records alone."""
    records = [r for path in sorted((out / 'runs').glob('*.json'))
               for r in json.loads(path.read_text(encoding='utf-8'))]
    found = {half: confusion([r for r in records if half_of(r) == half]) for half in HALVES}
    found['all'] = confusion(records)
    write_json(out / 'confusion.json', {str(k): v for k, v in found.items()})
    text = markdown(records, found)
    (out / 'README.md').write_text('# Verdict without labels against the truth\n\n' + text
                                   + '\n' + all_rows(records), encoding='utf-8')
    if PAGE.exists():
        page = PAGE.read_text(encoding='utf-8')
        pattern = re.compile(f'{re.escape(MARKERS[0])}.*?{re.escape(MARKERS[1])}', re.DOTALL)
        PAGE.write_text(pattern.sub(
            lambda _: f'{MARKERS[0]}\n{text}{MARKERS[1]}', page), encoding='utf-8')
    print(text)


def half_of(record: dict) -> int:
    """0: the rule was chosen on it."""
    return min(record['seed'], 1)


def confusion(records: list[dict]) -> dict:
    """Counts by verdict and truth, and what follows from them."""
    table = {v: {t: sum(r['verdict'] == v and r['true'] == t for r in records) for t in WORDS}
             for v in WORDS}
    right = sum(table[w][w] for w in WORDS)
    # a verdict that would not mislead: no clear change said of a small change either way
    return dict(table=table, count=len(records), runs=len({r['run'] for r in records}),
                right=right, share=round(right / max(len(records), 1), 3),
                false_better=table[BETTER][WORSE], false_worse=table[WORSE][BETTER],
                sure=round(float(np.mean([r['sure'] for r in records])), 3) if records else None)


def markdown(records: list[dict], found: dict) -> str:
    """The confusion tables."""
    lines = [f'{found["all"]["runs"]} runs, {len(records)} comparisons. '
             'Rows: the verdict; columns: the truth.\n',
             '|  | ' + ' | '.join(f'{name}: truth {word}' for name in HALVES.values()
                                  for word in WORDS) + ' |', '|---|' + '---|' * 6]
    for verdict in WORDS:
        cells = [str(found[half]['table'][verdict][word]) for half in HALVES for word in WORDS]
        lines.append(f'| verdict {verdict} | ' + ' | '.join(cells) + ' |')
    lines.append('')
    for half, name in HALVES.items():
        one = found[half]
        lines.append(f'- Runs {name}: right in {one["right"]} of {one["count"]} '
                     f'({100 * one["share"]:.0f} %); "better" although PCK@0.05 fell by more than '
                     f'{CLEAR:g} point: {one["false_better"]}; "worse" although it rose by more: '
                     f'{one["false_worse"]}.')
    lines += ['', '| runs | compared | right | false "better" | false "worse" | change of '
              'PCK@0.05: lowest, highest |', '|---|---|---|---|---|---|']
    for title, chosen in _kinds(records).items():
        one = confusion(chosen)
        change = [r['truth']['PCK@0.05'][1] - r['truth']['PCK@0.05'][0] for r in chosen]
        lines.append(f'| {title} | {one["count"]} | {100 * one["share"]:.0f} % | '
                     f'{one["false_better"]} | {one["false_worse"]} | {min(change):+.1f}, '
                     f'{max(change):+.1f} |')
    return '\n'.join(lines) + '\n'


def _kinds(records: list[dict]) -> dict[str, list[dict]]:
    """The records by what was done."""
    found: dict[str, list[dict]] = {}
    for r in records:
        title = {'multilevel': 'two-domain adaptation of several hundred iterations',
                 'more_source': 'start model trained further on labelled source images',
                 'undone': 'adapted model replaced by its start model'}.get(
            r['setting'].removesuffix('_half').removesuffix('_continued'))
        title = title or ('start model with other weights, no training' if r['kind'] == 'weights'
                          else 'short adaptation, ' + ('harmful settings' if r['harmful'] else
                                                       'sensible settings'))
        found.setdefault(title, []).append(r)
    return dict(sorted(found.items()))


def all_rows(records: list[dict]) -> str:
    """One line a comparison."""
    lines = ['## All comparisons\n', '| run | iterations | PCK@0.05 before | after | truth | '
             'verdict | sure |', '|---|---|---|---|---|---|---|']
    for r in records:
        before, after = r['truth']['PCK@0.05']
        wrong = '' if r['verdict'] == r['true'] else ' (!)'
        lines.append(f'| {r["run"]} | {r["iterations"]} | {before:.1f} | {after:.1f} | {r["true"]} '
                     f'| {r["verdict"]}{wrong} | {r["sure"]:.2f} |')
    return '\n'.join(lines) + '\n'
