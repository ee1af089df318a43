"""Train a config, with all options of MMPose's own train.py.

    udapose train CONFIG [--amp] [--resume] [--work-dir DIR] [--cfg-options KEY=VALUE ...]

Finds and runs the script of the installed MMPose.
"""
PASS_THROUGH = True


def run(args) -> int:
    """Run MMPose's train.py with ``args.arguments``."""
    from ._mmpose_tool import run_mmpose_tool
    return run_mmpose_tool('train.py', args.arguments)
