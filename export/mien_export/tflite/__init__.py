"""Writing and reading TFLite files: the second spelling of the graph that `quantization` made. It decides nothing."""
