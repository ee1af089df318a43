"""Run masked pre-training and fine-tuning by one command.

    udapose two-stage configs/masked_reconstruction/mae_synth-people_vit-tiny_64x64.py \\
        configs/masked_reconstruction/FINETUNE.py [--cfg-options randomness.seed=1]

Stage one runs unless its final checkpoint exists, and continues if it was interrupted; other
fine-tunings with the same --work-dir share it. Stage two gets the checkpoint wherever its config
says `checkpoint='from-stage-one'`. A stage's folder of another run (other options, another config
of the same name) is refused. Each stage is MMPose's own train.py, with its log in
WORK_DIR/CONFIG_NAME/train.log. A `checkpoint` that is stage one's folder, as in our configs, is
replaced as well, so the same config also works with
`udapose train` after stage one.
"""
from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import does_not_exist
from ._options import add_cfg_options, parse_cfg_options

#: Stands in stage two's config for the checkpoint that stage one will write.
PLACEHOLDER = 'from-stage-one'
#: Parts of a config that decide what is learnt.
_PARTS = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'train_cfg')


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('pretrain', type=Path, help='config of stage one')
    parser.add_argument('finetune', type=Path, help='config of stage two')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs'),
                        help='gets one folder for each config, named like it')
    add_cfg_options(parser, 'changes of the config of stage one', '--pretrain-cfg-options')
    add_cfg_options(parser, 'changes of the config of stage two')


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


def read_config(path: Path, options: dict) -> dict:
    """The config with its options, as training will see it."""
    from mmengine.config import Config
    cfg = Config.fromfile(path, import_custom_modules=False)
    cfg.merge_from_dict(options)
    return cfg.to_dict()


def tell_edited(cfg: dict, work_dir: Path, name: str) -> None:
    """Say which parts of a config are others than in the run that its folder holds.

    Args:
        cfg (dict): As training would see it now.
        work_dir (Path): Of the stage; MMEngine leaves a copy of the config there.
        name (str): Of the config's file.
    """
    if not ((work_dir / name).is_file() and (work_dir / 'last_checkpoint').is_file()):
        return
    there, here = ({key: json.dumps(found.get(key), default=str) for key in _PARTS}
                   for found in (read_config(work_dir / name, {}), cfg))
    edited = [key for key in _PARTS if there[key] != here[key]]
    if edited:
        print(f'note: {name} has been edited ({", ".join(edited)}) since the run in {work_dir} '
              'began, whose checkpoints are used all the same: name another --work-dir, or remove '
              'that folder, to train anew', flush=True)


def final_checkpoint(cfg: dict, work_dir: Path) -> Path:
    """The file that a finished training has written."""
    loop = cfg['train_cfg']
    by_epoch = loop.get('max_iters') is None
    count = loop['max_epochs'] if by_epoch else loop['max_iters']
    return work_dir / f'{"epoch" if by_epoch else "iter"}_{count}.pth'


def run_stage(title: str, config: Path, work_dir: Path, options: dict) -> float:
    """Train or continue; seconds."""
    from ..cores import usable_cores
    from ._experiment import train, wait
    threads = int(os.environ.get('OMP_NUM_THREADS', 0)) or usable_cores()
    started = time.time()
    print(f'== {title}: {config} in {work_dir}', flush=True)
    wait([train(title, config, work_dir, threads, **options)])
    return time.time() - started


def run(args) -> int:
    """Run both stages, as far as they are not complete."""
    try:
        run_stages(args)
    except (RuntimeError, ValueError, OSError) as error:  # a stage's last line, a foreign folder
        sys.exit(f'error: {error}')
    return 0


def run_stages(args) -> None:
    """Run both stages.

    Raises:
        RuntimeError: A stage failed, or its folder holds another run.
        ValueError: A folder's record is damaged.
        SystemExit: A config does not exist, or does not fit.
    """
    for config in (args.pretrain, args.finetune):
        if not config.is_file():
            sys.exit(f'error: {does_not_exist(config)}')
    pretrain, finetune, root = (p.resolve() for p in (args.pretrain, args.finetune, args.work_dir))
    options = [parse_cfg_options(given) for given in (args.pretrain_cfg_options, args.cfg_options)]
    keys = list(find_placeholders(read_config(finetune, options[1]), folder=pretrain.stem))
    if not keys:
        sys.exit(f"error: {args.finetune} takes no checkpoint of stage one: give its backbone "
                 f"init_cfg=dict(type='PretrainedViT', checkpoint='{PLACEHOLDER}')")
    if pretrain.stem == finetune.stem:
        sys.exit(f'error: both configs are named {pretrain.name}, and the folder of each stage in '
                 '--work-dir is named like its config: rename one of the files')

    from ._experiment import check_record, last_checkpoint
    first, second = root / pretrain.stem, root / finetune.stem
    first_config = read_config(pretrain, options[0])
    checkpoint = final_checkpoint(first_config, first)
    options[1].update(dict.fromkeys(keys, str(checkpoint)))
    check_record(first, pretrain, options[0])  # train() would, but a complete one is not run
    check_record(second, finetune, options[1])  # before hours of stage one
    tell_edited(first_config, first, pretrain.name)
    tell_edited(read_config(finetune, options[1]), second, finetune.name)
    if checkpoint.exists():
        print(f'== stage one is complete: {checkpoint}', flush=True)
    else:
        seconds = run_stage('stage one', pretrain, first, options[0])
        if not checkpoint.exists():
            sys.exit(f'error: stage one has ended without {checkpoint}: see {first}/train.log; '
                     'default_hooks.checkpoint.save_last must be on')
        print(f'   {seconds:.0f} s', flush=True)
    seconds = run_stage('stage two', finetune, second, options[1])
    print(f'   {seconds:.0f} s\n== {last_checkpoint(second)}', flush=True)
