"""Curves and bars as inline SVG."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .html import Html, join, tag

#: Colours that differ in brightness too, for readers and printers without colour.
COLORS = ('#1554a5', '#c2571a', '#14693f', '#7a3d9a')
_WIDTH, _HEIGHT = 360, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 10, 30, 34


def curves(title: str, series: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Html:
    """Lines over the iteration.

    Args:
        title (str): Of the chart.
        series (Mapping): Name to (iterations, values); what is not finite is left out.
    """
    lines = {}
    for name, (x, y) in series.items():
        x, y = np.asarray(x, float), np.asarray(y, float)
        fine = np.isfinite(x) & np.isfinite(y)
        if fine.any():
            lines[name] = x[fine], y[fine]
    if not lines:
        return Html('')
    x_all, y_all = (np.concatenate([line[i] for line in lines.values()]) for i in (0, 1))
    low, high = min(float(y_all.min()), 0.), float(y_all.max())
    high = high if high > low else low + 1
    span = float(x_all.max() - x_all.min()) or 1.

    def place(x, y):
        return (_LEFT + (x - x_all.min()) / span * (_WIDTH - _LEFT - _RIGHT),
                _HEIGHT - _BOTTOM - (y - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM))
    parts = [tag('text', title, x=8, y=16, class_='title')]
    for value in np.linspace(low, high, 4):
        _, y = place(0., value)
        parts += [tag('line', x1=_LEFT, x2=_WIDTH - _RIGHT, y1=f'{y:.1f}', y2=f'{y:.1f}',
                      stroke='#e3e7ee'),
                  tag('text', f'{value:.2g}', x=_LEFT - 6, y=f'{y + 4:.1f}', text_anchor='end')]
    for value, anchor in ((x_all.min(), 'start'), (x_all.max(), 'end')):
        x, _ = place(value, low)
        parts.append(tag('text', f'{value:g}', x=f'{x:.1f}', y=_HEIGHT - _BOTTOM + 14,
                         text_anchor=anchor))
    where = _LEFT
    for color, (name, (x, y)) in zip(COLORS, lines.items()):
        points = ' '.join('{:.1f},{:.1f}'.format(*place(a, b)) for a, b in zip(*_thin(x, y)))
        parts.append(tag('polyline', points=points, fill='none', stroke=color, stroke_width=2)
                     if len(x) > 1 else
                     tag('circle', cx=points.split(',')[0], cy=points.split(',')[1], r=3,
                         fill=color))
        if len(lines) > 1:
            parts += [tag('rect', x=where, y=_HEIGHT - 13, width=10, height=4, fill=color),
                      tag('text', name, x=where + 14, y=_HEIGHT - 7)]
            where += 24 + 6.2 * len(name)
    said = '; '.join(f'{name} from {y[0]:.3g} to {y[-1]:.3g}' for name, (x, y) in lines.items())
    return _svg(parts, _WIDTH, _HEIGHT, f'{title} over the iterations: {said}')


def _thin(x: np.ndarray, y: np.ndarray, most: int = 400) -> tuple[np.ndarray, np.ndarray]:
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), most)).round().astype(int))
    return x[keep], y[keep]


def bars(title: str, values: Mapping[str, tuple[float, float]], names: tuple[str, str]) -> Html:
    """Two bars (0 to 1, before and after) for each name, in percent."""
    row, left, width = 32, 150, 560
    height = 46 + row * len(values)
    parts = [tag('text', title, x=8, y=16, class_='title')]
    for i, (name, color) in enumerate(zip(names, COLORS)):
        parts += [tag('rect', x=left + 110 * i, y=26, width=10, height=8, fill=color),
                  tag('text', name, x=left + 14 + 110 * i, y=34)]
    for number, (name, pair) in enumerate(values.items()):
        y = 46 + row * number
        short = name if len(name) <= 21 else name[:20] + '…'
        parts.append(tag('text', short, x=left - 8, y=y + 15, text_anchor='end'))
        for i, (value, color) in enumerate(zip(pair, COLORS)):
            length = max(float(np.nan_to_num(value)), 0) * (width - left - 48)
            parts += [tag('rect', x=left, y=y + 12 * i, width=f'{length:.1f}', height=9,
                          fill=color),
                      tag('text', f'{100 * value:.0f} %', x=f'{left + length + 5:.1f}',
                          y=y + 9 + 12 * i)]
    said = '; '.join(f'{n}: {100 * a:.0f} and {100 * b:.0f} percent'
                     for n, (a, b) in values.items())
    return _svg(parts, width, height, f'{title}, {names[0]} and {names[1]}. {said}', 'bars')


def _svg(parts: list, width: int, height: int, label: str, class_: str | None = None) -> Html:
    return tag('svg', join(parts), viewBox=f'0 0 {width} {height}', role='img', aria_label=label,
               class_=class_)
