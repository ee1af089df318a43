"""Write the embedded data set: a plain source domain and a realistic target domain.

    udapose synth --kind people --out data/synthpose/people

An interrupted run continues when repeated. Needs NumPy and OpenCV only.
"""
NEEDS_COMPONENTS = False


def add_arguments(parser) -> None:
    """Options of the command."""
    from udapose.synthetic.command import add_arguments
    add_arguments(parser)


def run(args) -> int:
    """Write the data set."""
    from udapose.synthetic.command import run
    return run(args)
