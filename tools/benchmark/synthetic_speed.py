"""Images per second and core of the embedded data set's generator, as JSON.

CPU time of this process, so that other programs on the machine do not count. `both` is what a
data set with equally many images of both domains gets. Usage:
``python tools/benchmark/synthetic_speed.py --size 128``
"""

import argparse
import json
import time

import cv2

from udapose.synthetic import Parameters, make_sample
from udapose.synthetic.coco_export import annotation, encode_image, encode_mask
from udapose.synthetic.sample import DOMAINS, KINDS


def measure(kind, size, images, version=1):
    """Images per CPU second of rendering, labelling and encoding.

    Args:
        kind (str): ``'people'`` or ``'hands'``.
        size (int): Image size in pixels.
        images (int): Images per domain.
        version (int): Of the generator.

    Returns:
        dict: Rates of ``source``, ``target`` and ``both``.
    """
    counts = {domain: dict(train=images, val=0, test=0) for domain in DOMAINS}
    parameters = Parameters(kind, size, 0, counts, version)
    seconds = {}
    for domain in DOMAINS:
        make_sample(parameters, domain, 'val', 0)  # Loads the model and the photographs.
        start = time.process_time()
        for index in range(images):
            sample = make_sample(parameters, domain, 'train', index)
            encode_image(sample)
            encode_mask(sample)
            annotation(sample, kind, 'train', index)
        seconds[domain] = time.process_time() - start
    rates = {domain: images / s for domain, s in seconds.items()}
    return dict(rates, both=2 * images / sum(seconds.values()))


def main():
    """Print the rates of both kinds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--size', type=int, default=128, help='image size in pixels')
    parser.add_argument('--images', type=int, default=100, help='images per domain')
    parser.add_argument('--version', type=int, default=1, help='of the generator')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    result = dict(size=args.size, version=args.version, images_per_domain=args.images,
                  unit='images/s per core')
    for kind in KINDS if args.version == 1 else ('people',):
        rates = measure(kind, args.size, args.images, args.version)
        result[kind] = {name: round(rate, 1) for name, rate in rates.items()}
    print(json.dumps(result, indent=2))


if __name__ == '__main__':
    main()
