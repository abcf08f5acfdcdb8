"""`python -m mien_train`: train and evaluate mien's networks."""

import sys

from mien_train.cli import main

if __name__ == "__main__":
    sys.exit(main())
