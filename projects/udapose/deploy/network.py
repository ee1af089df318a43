"""The part of a model that goes into ``model.onnx``, and its way there."""
from __future__ import annotations

import inspect
import logging
import os
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import torch
from mmengine.utils import digit_version
from mmpose.models.heads import RLEHead
from torch import Tensor, nn

from .description import family_of

#: The newest that all onnxruntime since 1.14 (early 2023) run.
OPSET = 18
#: Import name -> what the export needs it for; `pip install udapose[onnx]` brings all.
PACKAGES = dict(onnx='to write the file', onnxscript='which torch.onnx translates with',
                onnxruntime='to compare the file with the model')


class Network(nn.Module):
    """From a normalised batch to the raw outputs of ``deploy.json``.

    Maps and profiles are the head's own, of several stages the last one's. Regressed coordinates
    become pixels of the crop, with RLE's ``1 - sigma`` as their score (others: 1).

    Args:
        model (nn.Module): A plain top-down model.
        description (dict): Of it.
    """

    def __init__(self, model: nn.Module, description: dict) -> None:
        super().__init__()
        self.model, self.family = model, family_of(description['decoder'])
        self.has_sigma = isinstance(model.head, RLEHead)
        size = [description['input'][side] for side in ('width', 'height')]
        self.register_buffer('size', torch.tensor(size, dtype=torch.float32))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, height, width) to the outputs."""
        output = self.model(images, None, mode='tensor')
        if self.family == 'profiles':
            return tuple(output)
        if self.family == 'maps':
            while isinstance(output, list | tuple):
                output = output[-1]
            return (output,)
        if isinstance(output, list | tuple):  # with the maps that they are the means of
            output = output[0]
        scores = 1 - output[..., 2:].sigmoid().mean(-1) if self.has_sigma \
            else torch.ones_like(output[..., 0])
        return output[..., :2] * self.size, scores


def require_packages() -> None:
    """Say early what is missing.

    Raises:
        RuntimeError: With the command that brings it.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise RuntimeError(
            'an ONNX export needs ' + ' and '.join(f'{n} ({PACKAGES[n]})' for n in missing)
            + ": pip install 'udapose[onnx]'")


def write_onnx(network: Network, description: dict, path: Path) -> None:
    """Translate the network, without traces of this machine in the file.

    Args:
        network (Network): In evaluation mode, on the CPU.
        description (dict): Of the model.
        path (Path): File to write.

    Raises:
        RuntimeError: PyTorch cannot translate the model, or it is too large for one file.
    """
    import onnx
    weights = sum(p.numel() * p.element_size() for p in network.state_dict().values())
    if weights > 2**31 - 2**20:
        raise RuntimeError(f'the weights take {weights / 2**30:.1f} GiB, but one ONNX file holds '
                           '2 GiB at most: export a smaller model')
    spec = description['input']
    dummy = torch.randn(2, 3, spec['height'], spec['width'])
    try:
        with torch.no_grad(), _quiet():
            torch.onnx.export(network, (dummy,), str(path), input_names=[spec['name']],
                              output_names=description['outputs'], opset_version=OPSET,
                              **_exporter(spec['name'], description['outputs']))
    except Exception as error:  # whatever the exporter may raise
        first = str(error).strip().partition('\n')[0]
        raise RuntimeError(f'torch.onnx cannot translate this model: {type(error).__name__}: '
                           f'{first}') from error
    content = onnx.load(path)
    _forget_origin(content)
    content.metadata_props.add(key='udapose', value=description['udapose'])
    onnx.checker.check_model(content)
    onnx.save(content, path)


def _exporter(input_name: str, outputs: list[str]) -> dict:
    """Arguments for this PyTorch: its graph exporter, before 2.7 the one that traces."""
    if digit_version(torch.__version__) < digit_version('2.7'):
        return dict(dynamic_axes={name: {0: 'batch'} for name in (input_name, *outputs)})
    arguments = dict(dynamo=True, external_data=False, verbose=False,
                     dynamic_shapes=({0: torch.export.Dim('batch')},))
    known = inspect.signature(torch.onnx.export).parameters
    return {name: value for name, value in arguments.items() if name in known}


@contextmanager
def _quiet():
    """Keep the exporter's chatter, and warnings that concern PyTorch itself, from the user.

    What is wrong with the result, the comparison of its outputs finds.
    """
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with open(os.devnull, 'w', encoding='utf-8') as nowhere, redirect_stdout(nowhere), \
                redirect_stderr(nowhere), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(level)


def _forget_origin(content) -> None:
    """Remove stack traces, which name folders of this machine, from all parts of the file."""
    def clean(graph) -> None:
        for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info,
                     *graph.initializer):
            del part.metadata_props[:]
            part.doc_string = ''
        for node in graph.node:
            for attribute in node.attribute:
                for inner in ([attribute.g] if attribute.HasField('g') else attribute.graphs):
                    clean(inner)
    clean(content.graph)
    for function in content.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ''
