"""Pictures: what changed most, and where the model is least sure."""
from __future__ import annotations

import numpy as np

from .folder import RunFolder
from .html import Html, join, missing, section, tag
from .pictures import Album, before_after, change, doubt, spaced, with_colors
from .worth import write_worth_labelling

COUNT = 12


def changed(run: RunFolder, album: Album) -> Html:
    """The people whose pose the adaptation changed most, before and after."""
    if run.people is None or run.before is None or run.after is None:
        return section('What changed most', 'changed', missing(
            'There are no predictions of two models, so nothing can be compared.'))
    amount = change(run.before, run.after, run.people)
    chosen = spaced(amount, run.people, COUNT)
    return section('What changed most', 'changed', tag(
        'p', 'The start model on the left, the adapted one on the right, in held-back frames; the '
        'largest change first. Coloured lines: sure joints; thin grey: unsure ones. Click a '
        'picture to enlarge it. Is the right side better? Your eyes are the best judge.'),
        _pictures(run, album, chosen, lambda i: f'moved by {100 * amount[i]:.0f} % of the box'))


def unsure(run: RunFolder, album: Album) -> Html:
    """The people that the model is least sure of."""
    one = run.after or run.before
    if run.people is None or one is None:
        return section('Where the model is least sure', 'unsure', missing(
            'There are no predictions yet.'))
    amount = doubt(one, run.people)
    chosen = spaced(amount, run.people, COUNT)
    return section('Where the model is least sure', 'unsure', tag(
        'p', 'Its answers differ when it looks again (turned, mirrored, darker), or its '
        'confidence is low. The least sure first. Typical reasons: hidden limbs, a box around '
        'something else, motion blur.'),
        _pictures(run, album, chosen, lambda i: f'doubt {100 * amount[i]:.0f} of 100'))


def _pictures(run: RunFolder, album: Album, chosen, note) -> Html:
    one = run.after or run.before
    threshold = float(np.quantile(one.confidence, 0.25)) if one.confidence.size else 0.
    meta, figures, before_used = with_colors(run.meta), [], album.left_out
    pair = (run.before, run.after) if run.after is not None else (None, run.before)
    for rank, i in enumerate(chosen, 1):
        address = album.add(before_after(run.people, i, *pair, meta, threshold))
        if address is None:
            continue
        where = run.people.sources[i]
        at = f', {run.people.time[i]:.1f} s' if run.people.clip[i] >= 0 or \
            run.people.time[i] > 0 else ''
        what = 'before and after' if pair[0] is not None else 'predicted'
        image = tag('img', src=address, loading='lazy', alt=f'Pose of a person {what}, number '
                    f'{rank}: {where}{at}, {note(i)}')
        figures.append(tag('figure', tag('button', image, class_='zoom', type='button',
                                         title='enlarge'),
                           tag('figcaption', f'{rank}. {where}{at}: {note(i)}')))
    lost = album.left_out - before_used
    said = tag('p', f'{lost} pictures are left out: their frame cannot be read, or the page would '
               'be too large.', class_='missing') if lost else ''
    return join([tag('div', *figures, class_='pictures') if figures else missing(
        'No frame can be shown.'), said])


def worth_labelling(run: RunFolder) -> list[str]:
    """Write ``worth_labelling.json`` if there are predictions; its frames."""
    one = run.after or run.before
    if run.people is None or one is None or not len(run.people):
        return []
    return write_worth_labelling(run.path / 'worth_labelling.json', run.people,
                                 run.before if run.after is not None else None, one, run.meta)
