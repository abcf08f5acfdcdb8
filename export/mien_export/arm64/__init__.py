"""The runtime on emulated Raspberry Pi processors: what they compute, and how many instructions it takes them."""
