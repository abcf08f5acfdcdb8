"""The writer covers what the recipes need, and nothing else; and what the recipes for edge devices cost."""

from __future__ import annotations

from collections.abc import Mapping

import ai_edge_litert.schema_py_generated as schema
import pytest

from mien.errors import MienError
from mien_export.proof import parity
from mien_export.quantization.quantize import quantize_network
from mien_export.tflite import flatbuffer, operators
from mien_export.tflite.writer import to_tflite
from mien_train.emotion.task import network_of
from mien_train.face import task as face_task
from mien_train.networks import face, registry
from mien_train.recipes import named

BUDGETS = {"base": (400_000, 45e6), "nano": (64 << 10, 12e6)}
"""Most bytes of a TFLite file and most products of an inference."""

LABELS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")


def test_every_operator_is_needed_by_a_recipe_and_no_recipe_needs_another() -> None:
    recipes = {name: recipe for name, recipe in named.EMOTION.items() if not name.startswith("teacher")}  # not deployed
    networks: list[tuple[Mapping[str, object], tuple[str, ...], tuple[int, int]]] = [
        (network_of(recipe, LABELS, 8 if recipe.searched else 0), ("logits",), (48, 48)) for recipe in recipes.values()
    ]
    for recipe in named.FACE.values():
        networks.append((face_task.network_of(recipe), face.FACE_OUTPUTS, (64, 64)))
    assert len(networks) >= 10
    used, refused, kept = set(), [], []
    for name, (network, outputs, size) in zip([*recipes, *named.FACE], networks, strict=True):
        made = registry.build(network).eval()
        if network["name"] == "two-stage":
            with pytest.raises(MienError, match="a two-stage network cannot be exported"):
                quantize_network(made, parity.structured(2, *size, seed=1), outputs, *size)
            refused.append(network)
            continue
        content = to_tflite(quantize_network(made, parity.structured(2, *size, seed=1), outputs, *size))
        if name in BUDGETS and outputs == ("logits",):
            most_bytes, most_macs = BUDGETS[name]
            # A kibibyte is left: buffers are padded, and an export may name its tensors otherwise.
            assert 0.7 * most_bytes < len(content) + 1024 < most_bytes, name
            assert 0.5 * most_macs < registry.count(made, 48, 48)[1] < most_macs, name
            kept.append(name)
        used |= {operator.code for operator in flatbuffer.read(content).operators}
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    assert {names[code] for code in used} == {names[code] for code in operators.VERSIONS}
    assert len(refused) <= 1
    assert kept == list(BUDGETS)
