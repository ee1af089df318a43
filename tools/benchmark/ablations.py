"""Tables of rows that differ from one method by a part of it."""
from __future__ import annotations

from statistics import mean

from paired_statistics import average, changes, of_seeds, paired, signed, spread, values

#: Per table: the row with none of the levels, the one with all, what the rows are named with
_LEVELS = {
    'ablation': ('levels_none', 'multilevel', 'levels_',
                 'Levels around the same mean teacher with keypoint occlusion.\n'),
    'ablation_close': ('mean_teacher_close', 'multilevel_close', 'close_',
                       'Levels around the closer teacher with keypoint occlusion.\n')}


def ablation(rows: dict, spec: dict) -> str:
    """Markdown: each combination of levels, what it adds to none and lacks to all."""
    tables = [_levels(rows, spec, table, *names) for table, names in _LEVELS.items()]
    return '\n'.join(['### Ablation\n', *filter(None, tables)]) if any(tables) else ''


def _levels(rows: dict, spec: dict, table: str, none: str, full: str, prefix: str,
            text: str) -> str:
    """One table; '' if no row of its own has been trained."""
    shown = [r for r, cfg in spec['rows'].items() if cfg.get('table') == table and r in rows]
    if not shown:
        return ''
    key = spec['metric']
    ends = [row for row in (none, full) if row not in shown and row in rows]
    names = {none: 'none' if none in shown else f'none (`{none}`)', full: f'all (`{full}`)'}
    inits = {spec['rows'][row]['init'] for row in shown}
    if 'style_init' in inits and len(inits) > 1:
        text += ('Those with style continue from `style_init`, which has had style transfer, the '
                 'others from `source_init`: the differences hold that of the start models.\n')
    lines = [text, f'| levels | target {key} | to no level (± SE) | to all levels (± SE) | seeds |',
             '|---|---|---|---|---|']
    for row in [*(r for r in ends if r == none), *shown, *(r for r in ends if r == full)]:
        own = values(rows, row, key)
        cells = [names.get(row, row.removeprefix(prefix)), spread(list(own.values()))]
        for other in (none, full):
            centre, error, verdict = paired(own, values(rows, other, key))
            cells.append('' if row == other or not verdict
                         else f'{signed(centre, error)}, {verdict}')
        lines.append('| ' + ' | '.join([*cells, ', '.join(map(str, sorted(own)))]) + ' |')
    return '\n'.join(lines) + '\n'


def source_free(rows: dict, spec: dict) -> str:
    """Markdown: adaptation without source images, whole and by parts; and without a gap.

    Compared with the start model of the same seed, before any adaptation, on both domains (the
    loss on the source is what was forgotten), and with the gain of the two-domain mean teacher.
    """
    key = spec['metric']
    shown = [r for r, cfg in spec['rows'].items() if r in rows and cfg['init'] in rows
             and (r.startswith('source_free') or cfg.get('table') == 'source_free')]
    if not shown or 'source' not in spec['domains']:
        return ''
    lines = ['### Without source images\n',
             'Each for as many iterations as the rows with source images, from the start model '
             'named beside it, to which its changes are relative (to the very model of that run: '
             'trained again on another machine, it is another model): `source_init`, or '
             '`trained_init`, which has been trained on labels for as many iterations more, as the '
             'rows with source images are while they adapt. *Share of the gain*: of what the mean '
             'teacher with source images (`mean_teacher`, `mean_teacher_trained_start`) adds to '
             'its own start model of that seed. *No gap*: the source images, without labels, as '
             'target; there the change on the source is the whole result.\n',
             f'| row | start | target {key} | change on the target (± SE) | share of the gain | '
             f'source {key} | change on the source (± SE) | seeds |',
             '|---|---|---|---|---|---|---|---|']
    for row in shown:
        start = spec['rows'][row]['init']
        own, kept = values(rows, row, key), values(rows, row, key, 'source')
        forgotten = changes(rows, row, key, start, 'source')
        upper = 'mean_teacher' if start == 'source_init' else 'mean_teacher_trained_start'
        change = changes(rows, row, key, start)
        gain = changes(rows, upper, key, start)
        gains = [100 * change[s] / gain[s] for s in change if gain.get(s, 0) > 0] \
            if row != upper and not row.endswith('no_gap') else []
        share = f'{mean(gains):.0f} %{of_seeds(len(gains), len(own))}' if gains else ''
        cells = [f'`{row}`', f'`{start}`', spread(list(own.values())),
                 signed(*average(list(change.values()))), share, spread(list(kept.values())),
                 signed(*average(list(forgotten.values()))),
                 ', '.join(map(str, sorted(own)))]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def hamipose(rows: dict, spec: dict) -> str:
    """Markdown: HamiPose's parts around the mean teacher, and how often gradients conflict."""
    parts = [r for r, cfg in spec['rows'].items() if cfg.get('table') == 'hamipose' and r in rows]
    if not parts:
        return ''
    key = spec['metric']
    lines = ['### HamiPose by parts\n',
             'Each is the row `mean_teacher` with these parts of [HamiPose](../hamipose.md); '
             '`hamipose` has the gate and the optimizer. *Conflicts*: share of keypoints whose '
             'source and target gradients have a negative cosine, in the iterations that are '
             'logged (every 50th of the whole training).\n',
             f'| row | target {key} | to the mean teacher (± SE) | conflicts, % | mean cosine | '
             'seeds |', '|---|---|---|---|---|---|']
    for row in ['mean_teacher', *parts, 'hamipose']:
        if row not in rows:
            continue
        own = values(rows, row, key)
        centre, error, verdict = paired(own, values(rows, 'mean_teacher', key))
        logs = [run['logged'] for run in rows[row].values() if 'logged' in run]
        cells = [f'`{row}`', spread(list(own.values())),
                 f'{signed(centre, error)}, {verdict}' if row != 'mean_teacher' and verdict else '',
                 spread([100 * log['gradient_conflict'] for log in logs]),
                 f'{mean(log["gradient_cosine"] for log in logs):+.2f}' if logs else '',
                 ', '.join(map(str, sorted(own)))]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'
