"""From a trained network to one int8 graph: fusing, tracing, observing ranges, quantizing, fine-tuning."""
