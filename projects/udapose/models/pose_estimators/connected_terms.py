"""What loss terms ask of the student, checked and arranged when the model is built."""
from __future__ import annotations

from torch import nn

from ..utils.feature_taps import check_feature_name


def connect_terms(model: nn.Module) -> list[str]:
    """Show the student to the terms that want to see it, and find the features that they need.

    Args:
        model (nn.Module): A mean teacher with ``consistency``, ``alignments``, ``gradient_rule``,
            ``student`` and ``readout``.

    Returns:
        list[str]: Names of the student's submodules whose outputs the terms take, sorted.

    Raises:
        ValueError: A term does not understand what the head predicts, or names no submodule.
    """
    for name, term in (('consistency', model.consistency), *model.alignments.items()):
        kinds = getattr(term, 'kinds', None)
        if kinds and model.readout.kind not in kinds:
            raise ValueError(
                f'{name}: {type(term).__name__} understands {", ".join(kinds)}, but '
                f'{type(model.student.head).__name__} with {type(model.readout.codec).__name__} '
                f'predicts {model.readout.kind}')
    parts = {f'alignments.{name}': term for name, term in model.alignments.items()}
    if model.gradient_rule is not None:
        parts['gradient_rule'] = model.gradient_rule
    for name, part in parts.items():
        if hasattr(part, 'attach'):  # it depends on the student's head
            part.attach(model.student, model.readout)
        for feature in getattr(part, 'features', ()):
            check_feature_name(model.student, feature, name)
    return sorted({feature for part in parts.values()
                   for feature in getattr(part, 'features', ())})
