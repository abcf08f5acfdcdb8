"""`python -m mien_export`: export trained networks, and prove exported ones."""

import sys

from mien_export.cli import main

if __name__ == "__main__":
    sys.exit(main())
