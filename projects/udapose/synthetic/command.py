"""The command line of the generator: `udapose synth`, `python -m udapose.synthetic`."""

import sys
import time
from pathlib import Path

from .generator import GENERATOR_VERSION, generate
from .output_folder import SyntheticDataError
from .sample import KINDS


def add_arguments(parser):
    """Options of the command."""
    parser.add_argument('--kind', choices=KINDS, required=True, help='what to render')
    parser.add_argument('--out', required=True, help='folder of the data set')
    parser.add_argument('--size', type=int, default=128, help='image size in pixels, 64 to 256')
    parser.add_argument('--source-train', type=int, default=4000, help='source training images')
    parser.add_argument('--target-train', type=int, default=4000, help='target training images')
    parser.add_argument('--val', type=int, default=400, help='validation images per domain')
    parser.add_argument('--test', type=int, default=1000, help='test images per domain')
    parser.add_argument('--seed', type=int, default=0, help='equal seeds give equal bytes')
    parser.add_argument('--version', type=int, default=GENERATOR_VERSION,
                        help='version of the generator (default: %(default)s); 2, for people: '
                             'sports and gymnastics as photographs show them')
    parser.add_argument('--workers', type=int, help='processes (default: all available cores)')


class Progress:
    """A progress bar on a terminal, else a line per tenth.

    Args:
        stream (file, optional): Where to write; the process's error output if omitted.
    """

    def __init__(self, stream=None):
        self._stream = stream or sys.stderr
        self._start, self._first, self._tenth = None, 0, -1

    def __call__(self, done, total):
        """Show that ``done`` of ``total`` images exist."""
        if self._start is None:
            self._start, self._first = time.monotonic(), done
        seconds = time.monotonic() - self._start
        rate = (done - self._first) / seconds if seconds > 0 else 0
        left = f', {(total - done) / rate:.0f} s left' if rate and done < total else ''
        text = f'{done}/{total} images, {rate:.0f}/s{left}'
        tenth = 10 * done // max(total, 1)
        if self._stream.isatty():
            bar = '#' * (3 * tenth) + '.' * (30 - 3 * tenth)
            end = '\n' if done == total else ''
            self._stream.write(f'\r[{bar}] {text:<45}{end}')
        elif tenth > self._tenth:
            self._stream.write(text + '\n')
        self._tenth = tenth
        self._stream.flush()


def run(args):
    """Write the data set.

    Args:
        args (argparse.Namespace): The options.

    Returns:
        int: Exit status: 0 done, 2 impossible request, 130 interrupted.
    """
    if args.workers is not None and args.workers < 1:
        print(f'error: --workers is {args.workers}; choose 1 or more.', file=sys.stderr)
        return 2
    started = time.monotonic()
    try:
        meta = generate(args.out, args.kind, args.size, args.source_train, args.target_train,
                        args.val, args.test, args.seed, args.workers, Progress(), args.version)
    except (SyntheticDataError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'\nInterrupted; repeat the command to continue in {args.out}.', file=sys.stderr)
        return 130
    images = sum(sum(splits.values()) for splits in meta['counts'].values())
    print(f'{Path(args.out)}: {images} images of {meta["kind"]} at {meta["size"]} pixels, '
          f'{time.monotonic() - started:.1f} s; see contact_sheet.png there.')
    return 0
