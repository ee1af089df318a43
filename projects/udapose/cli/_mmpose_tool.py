"""Find and run a script of the installed MMPose, after importing udapose."""
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path


def find_mmpose_tool(name: str) -> Path:
    """The path of MMPose's ``tools/<name>``.

    A wheel carries its tools in ``mmpose/.mim/tools``; an editable checkout has them in ``tools``
    beside the package (and a link in ``.mim``, where its installation made one).

    Raises:
        FileNotFoundError: If MMPose is missing or was installed without its tools.
    """
    spec = find_spec('mmpose')
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            f'MMPose is not installed for {sys.executable}. Run `bash tools/install.sh`, then '
            'use the Python that it names.')
    package = Path(spec.origin).parent
    for folder in (package / '.mim' / 'tools', package.parent / 'tools'):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f'The MMPose in {package} has no tools/{name} (neither in its .mim folder nor beside '
        'the package). Reinstall it: `pip install --no-deps --force-reinstall mmpose==1.3.2`.')


def run_mmpose_tool(name: str) -> None:
    """Run MMPose's script in this process, as if it had been called directly."""
    try:
        script = find_mmpose_tool(name)
    except FileNotFoundError as error:
        sys.exit(f'error: {error}')
    if find_spec('udapose') is None:
        # Also without `pip install -e .`; processes started from here must find it, too.
        import os
        source = str(Path(__file__).resolve().parent.parent / 'projects')
        sys.path.insert(0, source)
        os.environ['PYTHONPATH'] = os.pathsep.join(
            filter(None, [source, os.environ.get('PYTHONPATH')]))
    import udapose  # noqa: F401  (registers the components before any config is read)
    sys.argv[0] = str(script)
    # run_path puts nothing in front of sys.path for a plain file: tools/ of this repository
    # would stay there and shadow modules called `test` or `train`.
    sys.path[:] = [p for p in sys.path if Path(p or '.').resolve() != Path(__file__).parent]
    runpy.run_path(str(script), run_name='__main__')
