"""The rows of the benchmark: which config continues from which, per suite.

A row is trained from the checkpoint of ``init`` (a row of the same suite and seed). Its test sets
are those of the config; ``reference`` rows frame the gap that a method closes.
"""
from __future__ import annotations

SUITES: dict[str, dict] = {}

for _kind in ('people', 'hands'):
    _name = f'synth-{_kind}_res18-w32_64x64'
    SUITES[_kind] = dict(
        kind=_kind,
        data=f'data/synthpose/{_kind}',
        lower='source_only', upper='oracle', metric='PCK@0.05', metrics=['PCK@0.05', 'PCK@0.1'],
        rows=dict(
            source_init=dict(config=f'source_only/source-only_{_name}.py', init=None, hidden=True),
            source_only=dict(config=f'source_only/source-only-continued_{_name}.py',
                             init='source_init'),
            mean_teacher=dict(config=f'mean_teacher/mean-teacher_{_name}.py', init='source_init'),
            oracle=dict(config=f'oracle/oracle_{_name}.py', init='source_init')))
