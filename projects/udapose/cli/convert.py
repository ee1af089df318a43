"""Convert a public data set's files to those that the readers of udapose take.

    udapose convert NAME --help
    udapose convert lsp SRC --out data/lspet

Without NAME, all are listed.
"""
from __future__ import annotations

PASS_THROUGH = True
NEEDS_COMPONENTS = False  # to list the converters

#: Name -> module, of the same form as a subcommand.
CONVERTERS = {name: f'udapose.cli.converters.{name.replace("-", "_")}' for name in (
    'ganerated', 'human36m', 'lsp', 'surreal', 'synthetic-animal')}


def run(args) -> int:
    """Run the converter that the arguments begin with, or list all."""
    from . import dispatch, require_components
    if args.arguments and args.arguments[0] in CONVERTERS:
        require_components()
    return dispatch('udapose convert', CONVERTERS, args.arguments,
                    'Convert a public data set to the files that the readers of udapose take.')
