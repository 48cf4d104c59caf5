"""How close is close enough, by name."""

# Geometry
ROUND_TRIP = 1e-6  # scene units and normalized coordinates
ROUND_TRIP_PX = 1e-4

# footage
FOOTAGE_LEVELS = 1  # of 255: rounding, once in the file and once in 8 bits
FOOTAGE_MATRIX_LEVELS = 2  # of 255: YUV in 8 bits is rounded, then spread by 255/219 and the matrix
FOOTAGE_JPEG_LEVELS = 6  # mean difference of two JPEG codings of one picture

# Scene import
SAME_PIXEL_PX = 1e-6  # the same formula in double precision
SOLVER_TO_BLENDER_PX = 0.1  # a known point through Blender's camera, against the solver's projection
SCENE_UNITS = 1e-4  # places in the scene, stored as 32-bit floats
CYCLES_LEVELS = 3  # 8-bit sRGB levels between a flat color and its render
RENDER_ON_PLATE_PX = 0.1  # shift between a render of the cloud and the plate
