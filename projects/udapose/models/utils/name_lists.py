"""Names in a message: the first of them, and how many more there are."""
from collections.abc import Iterable


def some(names: Iterable, limit: int = 4) -> str:
    """The first names of a list, for messages.

    Args:
        names (Iterable): Anything that has a text.
        limit (int): How many are written out. Defaults to 4.

    Returns:
        str: E.g. ``'a, b and 7 more'``; ``'nothing'`` if there are none.
    """
    names = [str(n) for n in names]
    more = f' and {len(names) - limit} more' if len(names) > limit else ''
    return (', '.join(names[:limit]) + more) or 'nothing'
