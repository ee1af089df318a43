"""Write a foreground mask for every image of a folder, from keypoints and / or boxes.

    udapose make-masks IMAGES --ann-file ANN.json --method grabcut --out MASKS

IMAGES is searched recursively, MASKS repeats its subfolders: MASKS/sub/7.png for IMAGES/sub/7.jpg,
255 foreground and 0 background. ANN.json is a COCO file whose file_name are relative to IMAGES, or
a list of detections [{"file_name", "bbox"}]. Methods:

    hull     capsules along the limbs, hulls of trunk and head (palm); needs keypoints
    box      the box
    grabcut  OpenCV's GrabCut, started from the hull, or from the box (--start box, no keypoints)

Repeat the command after an interruption: finished masks are kept. With other options or another
content of ANN.json it refuses, rather than to mix old and new masks. Images without annotation get
no mask and are listed in MASKS/make_masks.json. With ground-truth masks, --compare MASKS measures
all methods instead, and writes nothing.
"""
from __future__ import annotations

import os
import sys
from pathlib import Path


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('images', type=Path)
    parser.add_argument('--ann-file', required=True)
    parser.add_argument('--out', type=Path, help='folder of the masks')
    parser.add_argument('--method', choices=('hull', 'box', 'grabcut'), default='grabcut')
    parser.add_argument('--start', choices=('hull', 'box'), default='hull', help='of GrabCut')
    parser.add_argument('--dilate', type=float, help='radius of limbs as a fraction of the box '
                        '(default: 0.03, hands 0.06)')
    parser.add_argument('--category-ids', type=int, nargs='+', help='default: all')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='processes')
    parser.add_argument('--sheet', type=int, default=32, metavar='N',
                        help='first N images on MASKS/contact_sheet.png (0: none)')
    parser.add_argument('--compare', type=Path, metavar='MASKS',
                        help='ground-truth masks: measure all methods, write nothing')
    parser.add_argument('--limit', type=int, help='of --compare: evenly spread images')
    parser.add_argument('--title', default='', help='of --compare: first column of the table')


def run(args) -> int:
    """Write the masks, or compare those of all methods."""
    if (args.out is None) == (args.compare is None):
        sys.exit('error: give one of --out and --compare')
    if args.workers < 1 or (args.limit is not None and args.limit < 1) or args.sheet < 0:
        sys.exit('error: --workers and --limit must be positive, --sheet not negative')
    if args.dilate is not None and not 0 < args.dilate <= 1:
        sys.exit(f'error: --dilate {args.dilate} is not in (0, 1]')
    try:
        if args.compare is None:
            from ._make_masks import make
            return make(args)
        from ._mask_compare import compare
        print(compare(args))
        return 0
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('\nInterrupted; repeat the command to continue.', file=sys.stderr)
        return 130
