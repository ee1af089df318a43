"""The report's page."""
from __future__ import annotations

from pathlib import Path

from ...file_io import write_whole
from . import gallery, parts
from .folder import read_run
from .html import Html, join, tag, text
from .pictures import Album
from .style import CSS, SCRIPT

NAVIGATION = (('verdict', 'Verdict'), ('numbers', 'Numbers'), ('changed', 'Changed most'),
              ('unsure', 'Least sure'), ('curves', 'Training'), ('joints', 'Joints'),
              ('data', 'Your data'), ('use', 'Use the model'), ('next', 'What next'),
              ('details', 'Details'))


def write_report(run_dir: str | Path) -> Path:
    """Write ``report.html`` and ``worth_labelling.json`` into a run's folder.

    The page is one file: style, pictures and charts are in it, nothing is fetched. Parts that the
    run does not have (a dry run, images instead of videos, no training) are a sentence.

    Args:
        run_dir (str | Path): A folder of `udapose adapt` (docs/design.md).

    Returns:
        Path: The page.

    Raises:
        FileNotFoundError: There is no such folder.
        OSError: It cannot be written.

    Example:
        >>> write_report('runs/kitchen')
        PosixPath('runs/kitchen/report.html')
    """
    run = read_run(run_dir)
    album = Album()
    # the gallery comes first: it writes the file that later parts speak of
    worth = gallery.worth_labelling(run)
    body = [parts.verdict(run), parts.numbers(run), gallery.changed(run, album),
            gallery.unsure(run, album), parts.training(run), parts.joints(run), parts.data(run),
            parts.use(run), parts.following(run, worth), parts.more(run)]
    title = f'Adaptation report: {run.path.resolve().name}'
    page = join([
        Html('<!DOCTYPE html>\n'),
        tag('html', tag(
            'head', Html('<meta charset="utf-8">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html('<link rel="icon" href="data:,">'),
            tag('title', title), tag('style', Html(CSS))), tag(
            'body', tag('header', tag('h1', title), parts.subtitle(run), tag('nav', *(
                tag('a', name, href=f'#{key}') for key, name in NAVIGATION),
                aria_label='Parts of this page')),
            tag('main', *body), parts.footer(), tag('script', Html(SCRIPT))), lang='en'),
        Html('\n')])
    path = run.path / 'report.html'
    write_whole(path, text(page))
    return path
