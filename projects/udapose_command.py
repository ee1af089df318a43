"""The console command `udapose`, which starts without loading PyTorch.

Importing the package ``udapose`` loads all components, some seconds of PyTorch and MMPose. While
:func:`main` runs, it leaves that to the subcommands that need them (``udapose/__init__.py`` looks
at ``starting``). A module of its own, since anything inside of the package imports that first.
Worker processes import this module without calling :func:`main`: they get the whole package.
"""
#: Whether the import of ``udapose`` that follows shall be light.
starting = False


def main() -> int:
    """Run the command line of this process; returns the exit status."""
    global starting
    starting = True
    try:
        from udapose import cli
    finally:
        starting = False
    return cli.main()
