"""Pieces of HTML; every text from outside is escaped here and nowhere else."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is HTML already."""


def text(value) -> Html:
    """Escape anything that is no :class:`Html`."""
    return value if isinstance(value, Html) else Html(escape(str(value), quote=True))


def tag(name: str, *children, **attributes) -> Html:
    """An element; ``class_`` and ``for_`` lose their underscore, others become hyphens."""
    given = ''.join(f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
                    for key, value in attributes.items() if value is not None)
    if name in ('img', 'br', 'hr'):
        return Html(f'<{name}{given}>')
    return Html(f'<{name}{given}>{"".join(text(child) for child in children)}</{name}>')


def join(parts: Iterable) -> Html:
    """One after the other."""
    return Html(''.join(text(part) for part in parts))


def section(title: str, identifier: str, *children) -> Html:
    """A part of the page with a heading."""
    return tag('section', tag('h2', title), *children, id=identifier)


def table(head: Sequence, rows: Sequence[Sequence], numeric: Sequence[int] = (),
          caption: str = '', class_: str | None = None) -> Html:
    """A table that scrolls by itself on a narrow screen.

    Args:
        head (Sequence): Titles of the columns.
        rows (Sequence[Sequence]): Cells.
        numeric (Sequence[int]): Columns that are aligned to the right.
        caption (str): For those who cannot see it.
        class_ (str, optional): ``'cards'``: on a phone each row is a small block of its own.
    """
    def cells(kind, row):
        return tag('tr', *(tag(kind, cell, class_='number' if i in numeric else None,
                               scope='col' if kind == 'th' else None,
                               data_label=head[i] if kind == 'td' and class_ else None)
                           for i, cell in enumerate(row)))
    inner = tag('table', tag('caption', caption) if caption else '',
                tag('thead', cells('th', head)), tag('tbody', *(cells('td', r) for r in rows)),
                class_=class_)
    return tag('div', inner, class_='scroll', tabindex='0', role='group', aria_label=caption)


def details(title: str, *children) -> Html:
    """Collapsed until it is clicked."""
    return tag('details', tag('summary', title), *children)


def code(content: str) -> Html:
    """A block of commands or of a file."""
    return tag('pre', tag('code', content), tabindex='0')


def missing(sentence: str) -> Html:
    """In place of a part that this run does not have."""
    return tag('p', sentence, class_='missing')
