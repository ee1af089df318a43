"""The rows of the benchmark: which config continues from which, per suite.

A row is trained from the checkpoint of ``init`` (a row of the same suite and seed). Its test sets
are those of the config; ``reference`` rows frame the gap that a method closes.
"""
from __future__ import annotations

from pathlib import Path

_META = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets/metainfo'

# 'domains': the test sets, with the config keys that choose them
SUITES: dict[str, dict] = {}

for _kind in ('people', 'hands'):
    _name = f'synth-{_kind}_res18-w32_64x64'
    SUITES[_kind] = dict(
        data=f'data/synthpose/{_kind}',
        domains={domain: {
            'test_dataloader.dataset.data_root': f'data/synthpose/{_kind}/{domain}/',
            'test_dataloader.dataset.metainfo.from_file': _META / f'synth_{_kind}_{domain}.py',
            'test_evaluator.prefix': domain} for domain in ('target', 'source')},
        lower='source_only', upper='oracle', metric='PCK@0.05', metrics=['PCK@0.05', 'PCK@0.1'],
        rows=dict(
            source_init=dict(config=f'source_only/source-only_{_name}.py', init=None, hidden=True),
            source_only=dict(config=f'source_only/source-only-continued_{_name}.py',
                             init='source_init'),
            mean_teacher=dict(config=f'mean_teacher/mean-teacher_{_name}.py', init='source_init'),
            oracle=dict(config=f'oracle/oracle_{_name}.py', init='source_init')))

# Synthetic people -> real photographs: no oracle, 240 photographs are too few to train on.
_name = 'res18-w32_64x64'
SUITES['photos'] = dict(
    data='data/synthpose/people', needs='data/lspet/annotations/test.json',
    domains=dict(target={}),
    lower='source_only', upper=None, metric='PCK@0.05', metrics=['PCK@0.05', 'PCK@0.1'],
    rows=dict(
        source_init=dict(config=f'source_only/source-only_synth-lsp14_{_name}.py', init=None,
                         hidden=True),
        source_only=dict(config=f'source_only/source-only-continued_synth-lsp14_{_name}.py',
                         init='source_init'),
        mean_teacher=dict(config=f'mean_teacher/mean-teacher_synth-lsp14-to-photos_{_name}.py',
                          init='source_init')))
