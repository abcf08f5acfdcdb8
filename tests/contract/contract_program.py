"""A program as `mien run` is: reads a camera with a fault until it is told to end. First argument: what hangs."""

from __future__ import annotations

import signal
import sys

from contract_faults import Faults
from contract_rigs import install
from edge_fakes import FakeClassifier, FakeDetector, face

from mien.cameras.picamera2 import PiCamera
from mien.errors import MienError
from mien.leaving import leave
from mien.pipeline import Pipeline
from mien.reader import FaceReader


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    what, stalls = sys.argv[1], int(sys.argv[2])
    faults = Faults(hang=what, starves=stalls)
    install(faults)
    with PiCamera(stall=0.5, first=1.0, call=1.0) as camera:
        pipeline = Pipeline(camera, FaceReader(FakeDetector([face()]), FakeClassifier()))
        try:
            for count, _ in enumerate(pipeline.run()):
                if count == 5:
                    sys.stdout.write("running\n")
                    sys.stdout.flush()
        except KeyboardInterrupt:
            sys.stdout.write("told to end\n")
        except MienError as error:
            sys.stderr.write(f"mien: {error}\n")
            return 2
    return 0


if __name__ == "__main__":
    ended = main()
    leave(ended)
    sys.exit(ended)
