"""MMEngine formats a run's config anew wherever it stores it: some seven times, a second each."""
from __future__ import annotations

import importlib
from collections.abc import Callable


def format_once() -> None:
    """Let this process format each config text once; the texts stay the same."""
    # the maintained fork imports it when it needs it, the official MMEngine at its start
    for name in ('yapf.yapflib.yapf_api', 'mmengine.config.config'):
        module = importlib.import_module(name)
        function = getattr(module, 'FormatCode', None)
        if function is not None and not hasattr(function, 'known'):
            module.FormatCode = remember(function)


def remember(function: Callable) -> Callable:
    """``function(text, **options)``, called once for each text and options."""
    known: dict = {}

    def once(text: str, **options):
        key = text, repr(sorted(options.items()))
        if key not in known:
            known[key] = function(text, **options)
        return known[key]

    once.known = known
    return once
