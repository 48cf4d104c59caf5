"""Open and decode each file named on stdin under the limits of the worker; one line of JSON a file.

A process of its own, so that a file that crashes it is known: it is the one after the last line.
"""

import json
import resource
import sys
from pathlib import Path

from model_server.errors import BadFootage
from model_server.footage.describe import describe
from model_server.footage.source import clip_of
from model_server.footage.worker import limit_memory
from model_server.settings import FrameRange

MOST_FRAMES = 40


def main() -> None:
    limit_memory()
    for line in sys.stdin:
        path = Path(json.loads(line))
        try:
            clip = clip_of(describe(path, FrameRange(), None))
            info = clip.info
            for index in range(min(info.frame_count, MOST_FRAMES)):
                picture = clip.frame(index)
                assert picture.shape == (info.height, info.width, 3)
                assert picture.dtype == "uint8"
            said = "fine"
        except BadFootage as error:
            said = error.message
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"name": path.name, "said": said, "peak": peak}), flush=True)


if __name__ == "__main__":
    main()
