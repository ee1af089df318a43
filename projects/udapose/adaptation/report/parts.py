"""The parts of the page that are words and numbers."""
from __future__ import annotations

import json
import shlex
from datetime import datetime

import numpy as np

from ..measures import NEAR, box_sides
from .charts import bars, curves
from .explanations import MEASURES, SETTINGS
from .folder import RunFolder
from .html import Html, code, details, join, missing, section, table, tag

_STYLES = {'better': ('better', 'Better'), 'worse': ('worse', 'Worse'),
           'no clear change': ('same', 'No clear change'),
           'cannot be told': ('same', 'Cannot be told without labels')}


def subtitle(run: RunFolder) -> Html:
    """What was adapted to what, and when."""
    options = run.run.get('options') or {}
    model = options.get('model') or options.get('config')
    words = [f'{name} {", ".join(map(str, value)) if isinstance(value, list) else value}'
             for name, value in
             (('model', model), ('data', options.get('data'))) if value]
    words.append(datetime.now().strftime('written %Y-%m-%d %H:%M'))
    return tag('p', ' · '.join(map(str, words)), class_='soft')


def verdict(run: RunFolder) -> Html:
    """The answer, first."""
    found = run.verdict
    problems = tag('ul', *(tag('li', problem) for problem in run.problems)) if run.problems else ''
    if not found.get('word'):
        why = 'This was a dry run, or the run has not come so far: nothing was adapted yet.' \
            if run.after is None else 'The two models have not been compared yet.'
        return tag('section', tag('p', 'No verdict yet', class_='word'),
                   tag('p', why, class_='sentence'), problems, id='verdict',
                   class_='verdict same')
    style, word = _STYLES.get(found['word'], ('same', str(found['word']).capitalize()))
    by = f'by the labels of {found.get("labelled", 0)} people' \
        if found.get('by') == 'labels' else 'without labels: a guess from what goes with ' \
        'accuracy, right in most but not all cases (docs/verdict.md)'
    kept = tag('p', tag('strong', 'The model in this folder is the start model: '), 'the adapted '
               'one was not better, so it was not taken.') if run.kept_start else ''
    reasons = found.get('reasons') or []
    why = details('Why', tag('ul', *(tag('li', reason) for reason in reasons))) if reasons else ''
    note = tag('p', f'Note: {found["note"]}.') if found.get('note') else ''
    return tag('section', tag('p', word, class_='word'),
               tag('p', found.get('sentence', ''), class_='sentence'), kept,
               tag('p', f'Judged {by}.', class_='soft'), note, why, problems, id='verdict',
               class_=f'verdict {style}')


def numbers(run: RunFolder) -> Html:
    """Before and after, with what each number means."""
    rows = []
    for row in run.verdict.get('measures') or []:
        title, what = MEASURES.get(row['name'], (row.get('title', row['name']), ''))
        rows.append((join([title, tag('small', what)]), _shown(row.get('before')),
                     _shown(row.get('after')), _change(row), _interval(row.get('interval')),
                     {'higher': 'higher', 'lower': 'lower'}.get(row.get('better'), '')))
    if not rows:
        return section('Numbers', 'numbers', missing('Nothing was measured yet.'))
    absent = run.verdict.get('absent') or {}
    said = [tag('li', f'{MEASURES.get(name, (name, ))[0]}: {reason}')
            for name, reason in absent.items()]
    count = run.verdict.get('people', 0)
    return section(
        'Numbers', 'numbers',
        tag('p', f'Measured on {count} people in frames that the training has not seen. The '
            'interval shows where the change would lie in 9 of 10 repetitions with other videos '
            'of the same kind: if it contains 0, the change may be chance.'),
        table(('measure', 'before', 'after', 'change', '90 % interval', 'better is'), rows,
              (1, 2, 3, 4), 'Measures before and after the adaptation', 'cards'),
        tag('h3', 'Not measured') if said else '', tag('ul', *said) if said else '')


def _shown(value) -> str:
    return 'n/a' if value is None else f'{value:.1f}'


def _change(row) -> Html | str:
    change = row.get('difference')
    if change is None:
        return 'n/a'
    low, high = row.get('interval') or (None, None)
    clear = low is not None and high is not None and (low > 0 or high < 0)
    if not row.get('better') or not clear:
        return f'{change:+.1f}'
    good = (change > 0) == (row['better'] == 'higher')
    # a word as well as a colour
    return join([tag('span', f'{change:+.1f}', class_='up' if good else 'down'),
                 tag('small', 'improved' if good else 'got worse')])


def _interval(pair) -> str:
    return '' if not pair or None in pair else f'{pair[0]:+.1f} to {pair[1]:+.1f}'


def training(run: RunFolder) -> Html:
    """Losses, label-free score, and what else was logged."""
    if not run.scalars:
        return section('Training', 'curves', missing(
            'There are no curves: nothing was trained in this run.'))
    charts = [curves('Label-free score (percent)', _some(run, 'label_free/score')),
              curves('Loss', _some(run, 'loss'))]
    terms = sorted(k for k in run.scalars if k.startswith('loss_'))
    charts += [curves(_plain(name.removeprefix('loss_')) + ' (loss)', _some(run, name))
               for name in terms]
    charts += [curves(title, _some(run, name)) for name, title in (
        ('pseudo_confidence', 'Confidence of pseudo-labels'),
        ('pseudo_coverage', 'Accepted share of pseudo-labels'),
        ('pseudo_spread', 'Spread of pseudo-labels'),
        ('start_drift', 'Drift from the start model'))]
    return section('Training', 'curves', tag(
        'p', 'The label-free score should rise or stay; a spread that falls towards 0, or a drift '
        'that keeps growing, are warnings. The loss alone says little here.'),
        tag('div', *filter(None, charts), class_='charts'))


def _some(run: RunFolder, name: str) -> dict:
    return {_plain(name): run.scalars[name]} if name in run.scalars else {}


def _plain(name: str) -> str:
    return name.replace('_', ' ').replace('/', ' ').strip()


def joints(run: RunFolder) -> Html:
    """For each joint: the share of people on whom the views agree."""
    if run.people is None or run.before is None or not len(run.before.views):
        return section('Joints', 'joints', missing(
            'There are no predictions from several views, so joints cannot be compared.'))
    sides = box_sides(run.people)[:, None]
    shares = []
    for one in (run.before, run.after or run.before):
        near = np.linalg.norm(one.views - one.points, axis=-1) <= NEAR * sides
        confident = one.confidence >= np.median(run.before.confidence)
        shares.append(((near.mean(0) >= 0.75) & confident).mean(0))
    values = {name: (float(a), float(b)) for name, a, b in zip(run.names, *shares)}
    return section('Joints', 'joints', tag(
        'p', 'Pseudo-labels: for how many people a joint is sure enough to be learnt from, since '
        'the views agree and the confidence is at least the start model\'s median. Joints with '
        'hardly any are learnt from little; labels of these help most.'),
        bars('Sure joints', values, ('start model', 'adapted model')))


def data(run: RunFolder) -> Html:
    """Sources, chosen frames, and what was dropped."""
    content = run.frames
    if not content:
        return section('Your data', 'data', missing('No frames were chosen yet.'))
    sources = content.get('sources') or []
    frames = content.get('frames') or []
    held = sum(f.get('part') == 'held_back' for f in frames)
    rows = [(s.get('path', ''), s.get('frames', ''), _shown(s.get('fps')) if s.get('fps') else '',
             f'{s.get("width", "?")} x {s.get("height", "?")}', s.get('chosen', ''),
             s.get('problem') or '') for s in sources[:60]]
    counts = [(_plain(str(k)), v) for k, v in (content.get('counts') or {}).items()]
    more = f' The first 60 of {len(sources)} are shown.' if len(sources) > 60 else ''
    bad = sum(bool(s.get('problem')) for s in sources)
    return section(
        'Your data', 'data',
        tag('p', f'{len(sources)} videos or images, {len(frames)} frames chosen: '
            f'{len(frames) - held} to train on, {held} held back for the comparison. '
            + (f'With {bad} of the sources there was a problem.' if bad else '') + more),
        table(('source', 'frames', 'fps', 'size', 'chosen', 'problem'), rows, (1, 2, 4),
              'Sources') if rows else '',
        tag('h3', 'Chosen and dropped') if counts else '',
        tag('ul', *(tag('li', f'{name}: {value}') for name, value in counts)) if counts else '')


def use(run: RunFolder) -> Html:
    """Commands."""
    folder = str(run.path)
    quoted = shlex.quote(folder)
    if not (run.path / 'model').is_dir():
        return section('Use the model', 'use', missing('This run has no model yet.'))
    onnx = join([tag('p', 'Without PyTorch: ', tag('code', f'{folder}/model/model.onnx'),
                     ' for onnxruntime or rtmlib.')]) \
        if (run.path / 'model/model.onnx').exists() else ''
    return section(
        'Use the model', 'use', tag('p', 'On new videos or images:'),
        code(f'udapose predict {quoted} --data new_clip.mp4 --out predictions/'),
        tag('p', 'In Python it is a plain MMPose model:'),
        code('from udapose.apis import init_model, inference_topdown\n'
             f"model = init_model({folder + '/model/config.py'!r}, "
             f"{folder + '/model/model.pth'!r}, device='cpu')\n"
             "points = inference_topdown(model, 'photo.jpg')[0].pred_instances.keypoints"), onnx)


def following(run: RunFolder, worth: list[str]) -> Html:
    """What to try next."""
    word, by = run.verdict.get('word'), run.verdict.get('by')
    advice = []
    if worth:
        advice.append(join([
            f'Label {"this frame" if len(worth) == 1 else f"these {len(worth)} frames"}: ',
            tag('code', 'worth_labelling.json'), ' is a COCO file with boxes and predicted '
            'keypoints that a labelling tool (CVAT, Label Studio, COCO Annotator) opens. Correct '
            'the joints, and repeat the command with ',
            tag('code', '--labels worth_labelling.json'), ': then the verdict is measured.'
            if by != 'labels' else '; more labels make the verdict surer.',
            details('Which frames', tag('ul', *(tag('li', name) for name in worth)))]))
    advice += SETTINGS.get(word, SETTINGS[None])
    return section('What to try next', 'next', tag('ul', *(tag('li', a) for a in advice)))


def more(run: RunFolder) -> Html:
    """Plan, config, steps and versions, collapsed."""
    steps = run.run.get('steps') or {}
    rows = [(name, f'{float(s.get("seconds") or 0):.0f}', _line(s.get('summary')))
            for name, s in steps.items() if isinstance(s, dict)]
    versions = run.run.get('versions') or {}
    versions = list(versions.items()) if isinstance(versions, dict) else [('versions', versions)]
    return section(
        'Details', 'details',
        details('Steps', table(('step', 'seconds', 'summary'), rows, (1, ), 'Steps of the run'))
        if rows else missing('run.json lists no steps.'),
        details('Options', code(json.dumps(run.run['options'], indent=1, default=str)))
        if run.run.get('options') else '',
        details('Plan', code(json.dumps(run.plan, indent=1, default=str))) if run.plan else
        missing('There is no plan.json.'),
        tag('details', tag('summary', 'The complete config'), code(run.config), class_='long')
        if run.config else missing('There is no config.py.'),
        details('Versions', table(('package', 'version'), versions, (), 'Versions'))
        if versions else missing('run.json names no versions.'))


def _line(summary) -> str:
    if isinstance(summary, dict):
        return ', '.join(f'{_plain(str(k))}: {v}' for k, v in summary.items())
    return '' if summary is None else str(summary)


def footer() -> Html:
    """Where this comes from."""
    from ...version import __version__
    return tag('footer', f'Written by udapose {__version__}. This file contains everything that it '
               'shows and loads nothing from a network.')
