"""`python -m page4d_blender solve|import`, with Blender as the Python module bpy."""

import sys

from .commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
