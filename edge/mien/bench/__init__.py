"""`mien bench`: what each stage costs on this machine, engine beside engine."""
