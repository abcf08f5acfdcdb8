"""From a training checkpoint to one int8 quantization, spelled as ONNX and as TFLite."""

import os

# From 1.29 on ONNX Runtime sends a record of the models it opens to its makers, unless told before it is imported, as
# modules of this package do. Nothing of a user's models or data is to leave the machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
