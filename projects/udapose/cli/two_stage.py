"""Masked reconstruction and fine-tuning by one command.

    python tools/two_stage.py configs/masked_reconstruction/mae_synth-people_vit-tiny_64x64.py \
        configs/masked_reconstruction/FINETUNE.py [--cfg-options randomness.seed=1]

Stage one runs unless its final checkpoint exists, and continues if it was interrupted; other
fine-tunings with the same --work-dir share it. Stage two gets the checkpoint wherever its config
says `checkpoint='from-stage-one'`. A stage's folder of another run (other options, another config
of the same name) is refused. Each stage is MMPose's own train.py, with its log in
WORK_DIR/CONFIG_NAME/train.log. A `checkpoint` that is stage one's folder, as in our configs, is
replaced as well, so the same config also works with train.py after stage one.
"""
from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

#: Stands in stage two's config for the checkpoint that stage one will write.
PLACEHOLDER = 'from-stage-one'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pretrain', type=Path, help='config of stage one')
    parser.add_argument('finetune', type=Path, help='config of stage two')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs'),
                        help='gets one folder for each config, named like it')
    parser.add_argument('--pretrain-cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='changes of the config of stage one')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='changes of the config of stage two')
    args = parser.parse_args()
    for option in args.pretrain_cfg_options + args.cfg_options:
        if '=' not in option:
            parser.error(f'{option!r} is not of the form KEY=VALUE')
    for config in (args.pretrain, args.finetune):
        if not config.is_file():
            parser.error(f'config {config} does not exist')
    return args


def find_placeholders(value, path: str = '', folder: str = PLACEHOLDER) -> Iterator[str]:
    """Dotted keys (list indices included) of all ``checkpoint`` entries that are placeholders or
    end with the name of stage one's ``folder``."""
    items = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, child in items:
        here = f'{path}.{key}' if path else str(key)
        if key == 'checkpoint' and isinstance(child, str) and Path(child).name in (
                PLACEHOLDER, folder):
            yield here
        else:
            yield from find_placeholders(child, here, folder)


def parse_options(given: list[str]) -> dict:
    """Options as the values that train.py would understand."""
    from mmengine.config import DictAction
    return {k: DictAction._parse_iterable(v) for k, v in (o.split('=', 1) for o in given)}


def read_config(path: Path, options: dict) -> dict:
    """The config with its options, as train.py will see it."""
    from mmengine.config import Config
    cfg = Config.fromfile(path, import_custom_modules=False)
    cfg.merge_from_dict(options)
    return cfg.to_dict()


def final_checkpoint(cfg: dict, work_dir: Path) -> Path:
    """The file that a finished training has written."""
    loop = cfg['train_cfg']
    by_epoch = loop.get('max_iters') is None
    count = loop['max_epochs'] if by_epoch else loop['max_iters']
    return work_dir / f'{"epoch" if by_epoch else "iter"}_{count}.pth'


def run(title: str, config: Path, work_dir: Path, options: dict) -> float:
    """Train or continue; seconds."""
    from _experiment import train, wait
    threads = int(os.environ.get('OMP_NUM_THREADS', 0)) or len(os.sched_getaffinity(0))
    started = time.time()
    print(f'== {title}: {config} in {work_dir}', flush=True)
    wait([train(title, config, work_dir, threads, **options)])
    return time.time() - started


def main() -> None:
    args = parse_args()
    pretrain, finetune, root = (p.resolve() for p in (args.pretrain, args.finetune, args.work_dir))
    options = [parse_options(given) for given in (args.pretrain_cfg_options, args.cfg_options)]
    keys = list(find_placeholders(read_config(finetune, options[1]), folder=pretrain.stem))
    if not keys:
        sys.exit(f"error: {args.finetune} takes no checkpoint of stage one: give its backbone "
                 f"init_cfg=dict(type='PretrainedViT', checkpoint='{PLACEHOLDER}')")

    from _experiment import check_record, last_checkpoint
    first, second = root / pretrain.stem, root / finetune.stem
    checkpoint = final_checkpoint(read_config(pretrain, options[0]), first)
    options[1].update(dict.fromkeys(keys, str(checkpoint)))
    check_record(first, pretrain, options[0])  # train() would, but a complete one is not run
    check_record(second, finetune, options[1])  # before hours of stage one
    if checkpoint.exists():
        print(f'== stage one is complete: {checkpoint}', flush=True)
    else:
        seconds = run('stage one', pretrain, first, options[0])
        if not checkpoint.exists():
            sys.exit(f'error: stage one has ended without {checkpoint}: see {first}/train.log; '
                     'default_hooks.checkpoint.save_last must be on')
        print(f'   {seconds:.0f} s', flush=True)
    seconds = run('stage two', finetune, second, options[1])
    print(f'   {seconds:.0f} s\n== {last_checkpoint(second)}', flush=True)


if __name__ == '__main__':
    try:
        main()
    except RuntimeError as error:  # the end of a stage's log, or another run's folder
        sys.exit(f'error: {error}')
