"""Judges the runs of tools/benchmark/verdict.py and writes records and tables."""
from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import verdict_data
from verdict_plan import CHOSEN_ON, TARGETS
from verdict_runs import certainty, held_back
from verdict_train import plain_config

from udapose.adaptation.people import Predictions
from udapose.adaptation.rule import BETTER, SAME, UNKNOWN, WORSE
from udapose.adaptation.verdict import judge
from udapose.cli._experiment import ROOT, write_json

WORDS = (BETTER, SAME, WORSE)
#: Points of PCK@0.05 that count as a change.
CLEAR = 1.
PAGE = ROOT / 'docs/verdict.md'
MARKERS = '<!-- verdict: written by tools/benchmark/verdict.py, do not edit -->', \
    '<!-- end of verdict -->'
#: The rule was designed on the first, its thresholds were chosen on all but the last one, which
#: nobody had seen before.
PARTS = {0: 'short runs, seed 0', 1: 'short runs, seed 1', 2: 'suite rows', 3: 'fresh'}


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


def word_of(change: float) -> str:
    """What the verdict should say of a change of PCK@0.05."""
    return BETTER if change > CLEAR else WORSE if change < -CLEAR else SAME


def change_of(record: dict) -> float:
    """True change of PCK@0.05 in points."""
    before, after = record['truth']['PCK@0.05']
    return after - before


def compatible(record: dict) -> bool:
    """Whether the verdict is right for some change within the 90 % interval of the truth."""
    low, high = record['certainty']['interval']
    return {BETTER: high > CLEAR, WORSE: low < -CLEAR,
            SAME: low <= CLEAR and high >= -CLEAR}.get(record['verdict'], False)


def judged(record: dict, work: Path) -> dict:
    """The record with the verdict without labels."""
    data, source, target = work / 'data', TARGETS[record['target']]['source'], record['target']
    files = [work / file for file in record.pop('files')]
    before, after = (Predictions.load(file) for file in files)
    found = judge(before, after, people_of(target, data), meta_of(source, data, work))
    return dict(record, true=word_of(change_of(record)), verdict=found.word, sure=found.sure,
                certainty=certainty(target, *(f.with_suffix('') for f in files), data),
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
    found = {part: confusion([r for r in records if part_of(r) == part]) for part in PARTS}
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


def part_of(record: dict) -> int:
    """Key of PARTS."""
    if record['kind'] in ('trained', 'weights') and record['seed'] == 2:
        return 3
    if record['kind'] != 'suite':
        return min(record['seed'], 1)
    suite = re.sub('_(same|dim)$', '', record['target'])
    return 2 if record['setting'] in CHOSEN_ON.get(suite, ()) else 3


def confusion(records: list[dict]) -> dict:
    """Counts by verdict and truth, and what follows from them.

    ``right`` are verdicts equal to the truth, ``told`` all but 'cannot be told', ``compatible``
    those that the truth's uncertainty allows, ``by_labels`` what labels of the held-back images
    would have got right of the told ones.
    """
    table = {v: {t: sum(r['verdict'] == v and r['true'] == t for r in records) for t in WORDS}
             for v in (*WORDS, UNKNOWN)}
    told = [r for r in records if r['verdict'] != UNKNOWN]
    right = sum(table[w][w] for w in WORDS)
    return dict(table=table, count=len(records), runs=len({r['run'] for r in records}),
                told=len(told), right=right, share=round(right / max(len(told), 1), 3),
                right_if_same=right + table[UNKNOWN][SAME],
                compatible=sum(map(compatible, told)),
                by_labels=sum(word_of(r['certainty']['held_back']) == r['true'] for r in told),
                false_better=table[BETTER][WORSE], false_worse=table[WORSE][BETTER])


def markdown(records: list[dict], found: dict) -> str:
    """The confusion tables."""
    parts = {key: name for key, name in PARTS.items() if found[key]['count']}
    lines = [f'{found["all"]["runs"]} runs, {len(records)} comparisons. '
             'Rows: the verdict; columns: the truth.\n',
             '|  | ' + ' | '.join(f'{name}: truth {word}' for name in parts.values()
                                  for word in WORDS) + ' |', '|---|' + '---|' * 3 * len(parts)]
    for verdict in (*WORDS, UNKNOWN):
        cells = [str(found[part]['table'][verdict][word]) for part in parts for word in WORDS]
        lines.append(f'| verdict {verdict} | ' + ' | '.join(cells) + ' |')
    lines += ['', '| runs | compared | told | of these right | compatible with the truth\'s '
              'interval | right with labels of the held-back images | right of all if "cannot be '
              'told" counts as "no clear change" | false "better" | false "worse" |',
              '|---' * 9 + '|']
    for part, name in parts.items():
        lines.append(_shares(name, found[part]))
    lines += ['', '| runs | told | right | compatible | false "better" | false "worse" | change of '
              'PCK@0.05: lowest, highest |', '|---' * 7 + '|']
    for title, chosen in _kinds(records).items():
        one, change = confusion(chosen), [change_of(r) for r in chosen]
        lines.append(f'| {title} | {one["told"]} of {one["count"]} | '
                     f'{_percent(one["right"], one["told"])} | '
                     f'{_percent(one["compatible"], one["told"])} | {one["false_better"]} | '
                     f'{one["false_worse"]} | {min(change):+.1f}, {max(change):+.1f} |')
    return '\n'.join(lines) + '\n'


def _shares(name: str, one: dict) -> str:
    told = one['told']
    cells = (name, one['count'], told, _percent(one['right'], told),
             _percent(one['compatible'], told), _percent(one['by_labels'], told),
             _percent(one['right_if_same'], one['count']), one['false_better'],
             one['false_worse'])
    return '| ' + ' | '.join(map(str, cells)) + ' |'


def _percent(part: int, whole: int) -> str:
    return f'{part} ({100 * part / whole:.0f} %)' if whole else 'none'


def _kinds(records: list[dict]) -> dict[str, list[dict]]:
    """The records by what was done."""
    found: dict[str, list[dict]] = {}
    for r in records:
        title = {'multilevel': 'two-domain adaptation of several hundred iterations',
                 'more_source': 'start model trained further on labelled source images',
                 'undone': 'adapted model replaced by its start model'}.get(
            r['setting'].removesuffix('_half').removesuffix('_continued'))
        if r['kind'] == 'suite':
            title = 'row of the benchmark suites'
        title = title or ('start model with other weights, no training' if r['kind'] == 'weights'
                          else 'short adaptation, ' + ('harmful settings' if r['harmful'] else
                                                       'sensible settings'))
        found.setdefault(title, []).append(r)
    return dict(sorted(found.items()))


def all_rows(records: list[dict]) -> str:
    """One line a comparison."""
    lines = ['## All comparisons\n', '(!): not the truth\'s word, nor compatible with its '
             'interval; (~): compatible.\n', '| run | iterations | PCK@0.05 before | after | '
             '90 % interval of the change | truth | verdict | sure |', '|---' * 8 + '|']
    for r in records:
        before, after = r['truth']['PCK@0.05']
        low, high = r['certainty']['interval']
        mark = '' if r['verdict'] in (r['true'], UNKNOWN) else ' (~)' if compatible(r) else ' (!)'
        lines.append(f'| {r["run"]} | {r["iterations"]} | {before:.1f} | {after:.1f} | {low:+.1f}, '
                     f'{high:+.1f} | {r["true"]} | {r["verdict"]}{mark} | {r["sure"]:.2f} |')
    return '\n'.join(lines) + '\n'
