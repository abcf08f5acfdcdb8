"""The writer covers what the recipes need, and nothing else."""

from __future__ import annotations

import ai_edge_litert.schema_py_generated as schema
import pytest

from mien.errors import MienError
from mien_export.proof import parity
from mien_export.quantization.quantize import quantize_network
from mien_export.tflite import flatbuffer, operators
from mien_export.tflite.writer import to_tflite
from mien_train.emotion.task import network_of
from mien_train.networks import face, registry
from mien_train.recipes import named

LABELS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")


def test_every_operator_is_needed_by_a_recipe_and_no_recipe_needs_another() -> None:
    networks = [(network_of(recipe, LABELS), ("logits",), (48, 48)) for recipe in named.EMOTION.values()]
    for recipe in named.FACE.values():
        network = {"name": "face", "stem": recipe.stem, "width": recipe.channels, "blocks": recipe.blocks}
        networks.append((network, face.FACE_OUTPUTS, (64, 64)))
    assert len(networks) >= 10
    used, refused = set(), []
    for network, outputs, size in networks:
        made = registry.build(network).eval()
        if network["name"] == "two-stage":
            with pytest.raises(MienError, match="a two-stage network cannot be exported"):
                quantize_network(made, parity.structured(2, *size, seed=1), outputs, *size)
            refused.append(network)
            continue
        content = to_tflite(quantize_network(made, parity.structured(2, *size, seed=1), outputs, *size))
        used |= {operator.code for operator in flatbuffer.read(content).operators}
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    assert {names[code] for code in used} == {names[code] for code in operators.VERSIONS}
    assert len(refused) <= 1
