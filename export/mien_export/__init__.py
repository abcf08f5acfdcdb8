"""From a training checkpoint to one int8 quantization, spelled as ONNX and as TFLite."""
