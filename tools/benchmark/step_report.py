"""Tables of `step_cost.py`."""
from __future__ import annotations

import json
from pathlib import Path

MARKS = ('<!-- step_cost: begin -->', '<!-- step_cost: end -->')


def markdown(result: dict) -> str:
    """The tables of docs/costs.md."""
    setting = result['setting']
    lines = [
        f'ResNet-{setting["depth"]}, {setting["size"]}x{setting["size"]}, '
        f'{setting["joints"]} joints, {setting["batch"]} images per domain, '
        f'{setting["memory_format"]}, {setting["device"]}, '
        f'{setting["threads"]} thread(s), PyTorch {setting["torch"]}; {setting["clock"]}, median '
        f'(quartiles) of {setting["repeats"]} rounds. Base: {result["base_seconds"]:.2f} s, '
        f'{result["base_operations"]:.0f} G multiply-adds.', '',
        '| step | x base | goal | passes | style | discriminator | no network | sum '
        '| operations |',
        '|---|---|---|---|---|---|---|---|---|']
    for name, step in result['steps'].items():
        own = step['parts']
        lines.append(
            f'| {name} | **{step["share"]:.2f}** ({step["low"]:.2f}-{step["high"]:.2f}) | '
            + (f'<= {step["goal"]:.2f}' if step['goal'] else '') + ' | '
            + ' | '.join(f'{part["share"]:.3f}' for part in own.values())
            + f' | {step["sum_of_parts"]:.2f} | {step["operations"]:.2f} |')
    lines += heads_table(result['heads']) if 'heads' in result else []
    titles = dict(style='style transfer of half of the source images',
                  discriminator='discriminator, both domains, forward and backward',
                  piece='not a network (pieces)')
    for group, title in titles.items():
        lines += ['', f'| {title} | x base | operations |', '|---|---|---|']
        lines += [f'| {n} | {s["share"]:.4f} | ' + (
            f'{s["operations"]:.3f}' if 'operations' in s else '') + ' |'
                  for n, s in result['parts'][group].items()]
    if result.get('left_out'):
        lines += ['', *(f'Left out: {name} ({why}).' for name, why in result['left_out'].items())]
    lines += ['', '| waiting for the GPU, per step | times | where |', '|---|---|---|']
    for name, found in result['waiting']['found'].items():
        where = ', '.join(f'`{place}` ({n})' for place, n in found.items())
        lines.append(f'| {name} | {result["waiting"]["calls"][name]} | {where} |')
    keys = {n: s['logged_keys'] for n, s in result['steps'].items()}
    lines += ['', f'Counted by: {result["waiting"]["method"]}. On top of it MMEngine reads each '
              'logged key once: ' + ', '.join(f'{n} {k}' for n, k in keys.items()) + '.']
    return '\n'.join(lines)


def heads_table(heads: dict) -> list[str]:
    """Lines of Markdown: steps of models without heatmaps."""
    lines = ['', '| other heads | x its own base | goal | joint passes | operations | base (s) |',
             '|---|---|---|---|---|---|']
    for name, step in heads.items():
        lines.append(
            f'| {name} | **{step["share"]:.2f}** ({step["low"]:.2f}-{step["high"]:.2f}) | '
            f'<= {step["goal"]:.2f} | {step["passes"]["share"]:.3f} | {step["operations"]:.2f} | '
            f'{step["base_seconds"]:.2f} |')
    return lines


def into_page(page: Path, text: str, marks: tuple[str, str] = MARKS) -> None:
    """Replace what stands between the page's markers.

    Raises:
        ValueError: The page has no markers.
    """
    old = page.read_text(encoding='utf-8')
    if any(old.count(mark) != 1 for mark in marks):
        raise ValueError(f'{page} needs one line {marks[0]} and one {marks[1]} around the tables')
    head, rest = old.split(marks[0])
    page.write_text(f'{head}{marks[0]}\n{text}\n{marks[1]}{rest.split(marks[1])[1]}',
                    encoding='utf-8')


def publish(result: dict, text: str, marks: tuple[str, str], out: Path | None = None,
            page: Path | None = None) -> None:
    """Print a result; write it to ``out`` and its Markdown between the marks of ``page``."""
    shown = json.dumps(result, indent=1)
    print(shown)
    if out:
        out.write_text(shown + '\n', encoding='utf-8')
    if page:
        into_page(page, text, marks)
