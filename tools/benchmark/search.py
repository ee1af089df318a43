"""The search behind the recommended settings: one seed, scored on the target's validation split.

    python tools/benchmark/search.py TRIAL [TRIAL ...]   # train (those done are kept), report
    python tools/benchmark/search.py --report   # docs/benchmarks/search.{json,md} from the logs

The seed (100) and the split are not those of the benchmark's tables. Each trial is the mean
teacher's config with something changed; phase 1 is trained with the same seed.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _experiment import CONFIGS, ROOT, write_json

WORK = ROOT / 'work_dirs/search'
SEED = 100


def style(name: str = 'FourierAmplitudeTransfer', **kwargs) -> str:
    """Style hook, source to target, half of the samples."""
    return (f"dict(type='AdaINStyleHook', stylizer={dict(type=name, **kwargs)}, prob=0.5, "
            'style_images=_base_.target_train)')


def feature(weight: float, name: str = 'backbone.layer4', channels: int = 256, hidden=(64,),
            kernel: int = 1) -> str:
    """Adversarial term."""
    term = dict(
        type='DomainAdversarialLoss', feature=name, loss_weight=weight,
        discriminator=dict(type='PatchDiscriminator', in_channels=channels,
                           hidden_channels=hidden, kernel_size=kernel),
        reversal=dict(schedule='warmup'))
    return f'feature={term}'


def pose(weight: float, temperature: float = 0.1) -> str:
    """Information maximization."""
    return 'pose=' + str(dict(type='InformationMaximizationLoss', form='joint', normalize='log',
                              temperature=temperature, loss_weight=weight))


FOURIER, LAB = style(beta=0.6), style('ChannelStatisticsTransfer')
# the teacher sees an almost unchanged image
WEAK_TEACHER = """
weak_view = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_factor=0.03, scale_factor=(0.9, 1.1), rotate_factor=20,
         rotate_prob=1.0, shift_prob=1.0),
    dict(type='RecordedTopdownAffine', input_size=(64, 64))]
train_dataloader = dict(dataset=dict(target=dict(pipeline=[
    *_base_.target_pipeline[:-1],
    dict(type='ForkViews', teacher=weak_view, student=_base_.augment_view)])))
"""
OCCLUSION = "dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.4, half_size=4)"

# phase 1: what is stylised; phase 2: what is added to the mean teacher
SOURCES = dict(src='', src_lab=LAB, src_fda60=FOURIER)
TRIALS: dict[str, dict] = dict(
    mt=dict(init='src', what='mean teacher'),
    mt_S=dict(init='src_fda60', style=FOURIER, what='+ style (Fourier 0.6, both phases)'),
    mt_SO=dict(init='src_fda60', style=FOURIER, augments=OCCLUSION,
               what='+ style, keypoint occlusion'),
    mt_SA1=dict(init='src_fda60', style=FOURIER, align=feature(0.001),
                what='+ style, feature (layer4, 1x1, weight 0.001)'),
    mt_SD=dict(init='src_fda60', style=FOURIER,
               align=feature(0.001, 'head.deconv_layers', 32, (64, 64), 3),
               what='+ style, feature (last deconvolution, 3x3, weight 0.001)'),
    mt_SP3=dict(init='src_fda60', style=FOURIER, align=pose(0.0003),
                what='+ style, pose (temperature 0.1, weight 0.0003)'),
    mt_Sc3=dict(init='src_fda60', style=FOURIER, consistency=3., what='+ style, consistency x 3'),
    mt_wt=dict(init='src_fda60', style=FOURIER, extra=WEAK_TEACHER,
               what='+ style, weak teacher view'),
    mt_wtA=dict(init='src_fda60', style=FOURIER, extra=WEAK_TEACHER, align=feature(0.01),
                what='+ style, weak teacher view, feature (layer4, weight 0.01)'),
    mt_wtP=dict(init='src_fda60', style=FOURIER, extra=WEAK_TEACHER, align=pose(0.003),
                what='+ style, weak teacher view, pose (weight 0.003)'))
HANDS: dict[str, dict] = {f'h_{k}': v for k, v in dict(
    mt_S=TRIALS['mt_S'], wt=TRIALS['mt_wt'], wtA=TRIALS['mt_wtA'], wtP=TRIALS['mt_wtP'],
    wtc=dict(TRIALS['mt_wt'], train='confidence_quantile=0.3',
             what='+ style, weak teacher view, quantile 0.3'),
    wtm=dict(TRIALS['mt_wt'], consistency=3., what='+ style, weak teacher view, consistency x 3'),
).items()}


def write_config(name: str) -> Path:
    """The trial's config file."""
    hands = name.startswith('h_')
    kind, short = ('hands', name[2:]) if hands else ('people', name)
    if short in SOURCES:
        base = f'source_only/source-only_synth-{kind}_res18-w32_64x64.py'
        hook = SOURCES[short]
        body = f"custom_hooks = [{hook}{', ' if hook else ''}dict(type='AverageBuffersHook')]\n"
    else:
        trial = HANDS[name] if hands else TRIALS[name]
        base = f'mean_teacher/mean-teacher_synth-{kind}_res18-w32_64x64.py'
        hooks = [trial['style']] if 'style' in trial else []
        hooks += ["dict(type='AverageBuffersHook')", "dict(type='EMATeacherHook', momentum=0.01)"]
        init = WORK / (('h_' if hands else '') + trial['init']) / 'iter_1200.pth'
        body = (f"load_from = '{init}'\n"
                f"model = dict(alignments=dict({trial.get('align', '')}), "
                f"student_augments=[{trial.get('augments', '')}], "
                f"train_cfg=dict({trial.get('train', '')}), "
                f"consistency=dict(loss_weight={trial.get('consistency', 1.)}))\n"
                f"custom_hooks = [{', '.join(hooks)}]\n{trial.get('extra', '')}")
    path = WORK / 'configs' / f'{name}.py'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"_base_ = ['{CONFIGS / base}']\nrandomness = dict(seed={SEED})\n{body}")
    return path


def curve(name: str) -> list[tuple[int, float, float]]:
    """(iteration, PCK@0.05, PCK@0.1) at each validation."""
    points = {}
    for path in sorted((WORK / name).glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if 'target/PCK@0.05' in entry:
                points[entry['step']] = entry['target/PCK@0.05'], entry['target/PCK@0.1']
    return [(step, *values) for step, values in sorted(points.items())]


def report() -> None:
    """Collect the logs."""
    lines = ['# Search behind the recommended settings\n',
             f'Made by `python tools/benchmark/search.py --report` from logs; one run each (seed '
             f'{SEED}), scored on the target\'s *validation* split (400 images). Differences below '
             'about half a point are within the noise of such runs.\n']
    results = {}
    for kind, trials in (('people', TRIALS), ('hands', HANDS)):
        lines += [f'## {kind}\n', '| trial | PCK@0.05 | PCK@0.1 | best PCK@0.05 on the way |',
                  '|---|---|---|---|']
        prefix = 'h_' if kind == 'hands' else ''
        named = {f'{prefix}{s}': f'phase 1, {hook.split(chr(39))[5] if hook else "no style"}'
                 for s, hook in SOURCES.items()}
        for name, what in {**named, **{n: t['what'] for n, t in trials.items()}}.items():
            points = curve(name)
            if not points or points[-1][0] < 800:
                continue
            results[name] = dict(what=what, curve=points)
            lines.append(f'| {what} | {points[-1][1]:.1f} | {points[-1][2]:.1f} | '
                         f'{max(p[1] for p in points):.1f} |')
        lines.append('')
    write_json(ROOT / 'docs/benchmarks/search.json', dict(seed=SEED, trials=results))
    (ROOT / 'docs/benchmarks/search.md').write_text('\n'.join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('trials', nargs='*')
    parser.add_argument('--report', action='store_true', help='only collect the logs')
    args = parser.parse_args()
    for name in args.trials:
        trial = {**TRIALS, **HANDS}.get(name, {})
        prefix = 'h_' if name.startswith('h_') else ''
        for part in [prefix + trial['init']] * ('init' in trial) + [name]:
            points = curve(part)
            if not points or points[-1][0] < 800:
                subprocess.run([sys.executable, 'tools/train.py', str(write_config(part)),
                                '--work-dir', str(WORK / part)], cwd=ROOT, check=True)
    report()


if __name__ == '__main__':
    main()
