"""The few results that README shows: `summary` rows of the suites that its markers name."""
from __future__ import annotations

import re
from pathlib import Path

from paired_statistics import (
    bar_note,
    gap_closed,
    missed_bar,
    of_seeds,
    paired,
    signed,
    spread,
    values,
)
from suites import SUITES

BLOCK = re.compile(r'(<!-- results: ([\w ]+).*?-->\n)(.*?)(<!-- /results -->)', re.S)


def write_summary(by_suite: dict, readme: Path) -> None:
    """Replace what is between ``<!-- results: SUITE SUITE ... -->`` and ``<!-- /results -->``.

    Args:
        by_suite (dict): ``{suite: {row: {seed: run}}}``.
        readme (Path): Has such markers, each on a line of its own.
    """
    text = readme.read_text(encoding='utf-8')
    readme.write_text(BLOCK.sub(lambda block: block[1] + summary(
        by_suite, [name for name in block[2].split() if name in SUITES]) + block[4], text),
        encoding='utf-8')


def summary(by_suite: dict, suites: list[str]) -> str:
    """Markdown tables, one for suites with the same heading."""
    lines, heading, notes = [], None, []
    for spec, rows in ((SUITES[suite], by_suite.get(suite, {})) for suite in suites):
        shown = [r for r in spec['summary'] if values(rows, r, spec['metric'])]
        if not shown:
            continue
        rival = spec.get('summary_reference', spec['lower'])
        if spec['summary_heading'] != heading:
            heading = spec['summary_heading']
            head = ['', *spec['metrics'], 'gap closed',
                    f'difference to {rival.replace("_", " ")} (± SE)', 'seeds']
            lines += ['', f'{heading}:', '', '| ' + ' | '.join(head) + ' |',
                      '|' + '---|' * len(head)]
        low, missed = values(rows, rival, spec['metric']), missed_bar(rows, spec)
        for row in shown:
            own = values(rows, row, spec['metric'])
            closed = row not in (spec['lower'], spec['upper']) and gap_closed(rows, row, spec)
            centre, error, verdict = paired(own, low, spec.get('lower_is_better', False))
            name = (f'{spec["label"]}: ' if 'label' in spec else '') + row.replace('_', ' ')
            lines.append('| ' + ' | '.join([
                name + ' †' * (row in missed),
                *(spread(list(values(rows, row, m).values())) for m in spec['metrics']),
                spread(closed) + ' %' + of_seeds(len(closed), len(own)) if closed else '',
                '' if row == rival or not verdict else
                signed(centre, error) + of_seeds(len(own.keys() & low.keys()), len(own)),
                str(len(own))]) + ' |')
        if missed and bar_note(spec) not in notes:
            notes.append(bar_note(spec))
    return '\n'.join(lines + ['', *notes] * bool(notes)).strip() + '\n'
