"""How close is close enough, by name."""

import numpy as np

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

# Demo footage
DEMO_FOOT_SLIDE_M = 1e-3  # a resting foot stays where it is
DEMO_FOOT_PX = 8  # a sole's round edge and motion blur, against the point below the toe

# Server
RESUMED_PATH = 1e-3  # of the camera path's extent: a resumed solve against an unbroken one
WHOLE_JOB_PATH = 0.02  # of the camera path's extent, on 8 frames of 160 x 120
WHOLE_JOB_FOCAL = 0.03
WHOLE_JOB_DEPTH = 0.1  # of the scene's unit: moving pixels are told apart by truth here, by the solve there

# Depth, ground and background, on the synthetic room
STEREO_KNOWN = 0.98  # of still pixels
STEREO_ABSREL = 0.04
STEREO_MEASURED = 0.04  # of the depth, for nine measured pixels in ten
STEREO_BETWEEN_FRAMES = 0.01  # of the depth
PATCH_PLANE = 0.05  # of the depth; where two planes meet, some of the one are taken for the other
UNDISTORTED_LEVELS = 1.2  # of 255, mean: two resamplings
UP_DEGREES = 1.0
FLOOR_HEIGHT = 0.04  # of the camera's height
BACKGROUND_METERS = 0.1  # nine points in ten, in a room of 7 m
BACKGROUND_EXACT = 0.01  # meters, with true depth: cells average points of a flat wall, corners are rounded
BACKGROUND_LEFTOVERS = 0.001  # share of points
BACKGROUND_LEVELS = 20  # of 255, of the mean color: what is seen longer counts no more in the cloud

# Moving things, on the synthetic clip
MOVING_J = 0.8  # intersection over union with the true mask
MOVING_J_WITHOUT_DEPTH = 0.6
FALSE_MOTION_SHARE = 0.005  # of the pixels, where nothing moves
MOVING_DEPTH_RELATIVE = 0.10
MOVING_DEPTH_FLICKER = 0.05  # log depth, frame to frame
BODY_RELATIVE = 0.05  # of the depth of a ball's front
PATH_OFF = 0.05  # log depth, with feet in the air half of the time
MATTE_J = 0.95
SHADOW_J = 0.6  # intersection over union with the true shadow, over the shot
FALSE_SHADOW_SHARE = 0.002  # of the pixels, where no shadow moves
UNDISTORTED_MATTE_J = 0.97  # of a matte that went through the lens and back

# Cameras
TRACK_MEDIAN_PX = 0.15
TRACK_WORST_TENTH_PX = 0.6
SOLVED_PATH = 0.002  # of the path's extent
SOLVED_TURN = 0.003  # radians
SOLVED_FOCAL = 0.01  # relative
SOLVED_K1 = 0.01
ZOOM_PATH = 0.003  # of the path's extent
ZOOM_FOCAL = 0.005  # relative, at every frame
SOLVED_PX = 0.2  # tracks are given 0.1 px of noise
PART_PATH = 0.01  # of the path's extent, on 11 frames of 160 x 120
MASKED_PATH = 0.01  # of the path's extent, from the 40 % of the picture that mattes leave
GIVEN_LENS = 1e-9  # relative

CALM = 1.35  # times what an ideal low-pass would leave of white noise
HALVED = 0.03  # of a swing
SMOOTH_PATH = 1e-3  # radians, and meters on a path of 2
GAUGE = 1e-6

# Whole shots with truth (the figures of the project's goals)
ROOM_PATH_PERCENT = 0.15  # absolute trajectory error, of the path's extent
ROOM_FOCAL_PERCENT = 1.5
ROOM_PX = 0.35  # median reprojection error
ROOM_DEPTH = 0.04  # mean relative error after one scale
ROOM_MOVING_DEPTH = 0.10
ROOM_FLICKER_PERCENT = 1.0  # as score_package.py prints it
KNOWN_SHARE = 0.8
UP_DEGREES = 5.0
ROOM_MOVING = 0.75  # intersection over union
CLAIMED_PX = 0.01  # between the error that a package claims and the one its own tracks and cameras show
UNIT = 0.01
KITCHEN_PATH_M = 0.05  # from KinectFusion's poses
KITCHEN_SECOND_PATH_M = 0.025  # from COLMAP's
KITCHEN_DEPTH = 0.08
DAVIS_MOVING = 0.6
JUMP = 4.0  # a camera's longest step, times its median step

# Long shots of the network
SIMILARITY = 1e-4  # of a known Sim(3), relative, with 30 % of the points wrong
STITCHED_PATH = 1e-4  # of the path's extent, from windows that are exact but for movers and outliers
STITCHED_DEPTH = 1e-4  # relative

# The network
NETWORK_RELATIVE = 2e-5  # against the plain way of computing; rounding of float32 alone

# The engine page4d, with an oracle in the network's place
NETWORK_PIXEL = 0.05  # of a network pixel: a spot found by its center of brightness after the picture was shrunk
NETWORK_STILL_DEPTH = 0.01  # mean relative error after one scale: what the network says is true up to its unit
NETWORK_MOVING_DEPTH = 0.01
NETWORK_MOVING_J = 0.8
NETWORK_FROM_CLASSICAL = 1.1  # path and focal errors, against the start from the tracks alone; plus what follows
NETWORK_SAME_PATH = 1e-4  # of the path's extent
NETWORK_SAME_FOCAL = 1e-3
FRAME_SCALE = 0.01  # of a frame's depth scale that is told by 40 points, each off by 3 %
TINY_FLICKER = 0.02  # standard deviation of the scale's log that is left of one frame's few bad points
PLANNED_MEMORY = 0.2  # of the memory of a window, relative
NETWORK_ROOM_PATH_PERCENT = 0.03  # the tracks alone lead to 0.012
NETWORK_ROOM_FOCAL_PERCENT = 0.1  # the tracks alone lead to 0.01
NETWORK_ROOM_DEPTH = 0.03
HALF_PRECISION = 0.02  # pose and depth, against float32

# A camera that only turns, on 10 frames of 256 x 192
TRIPOD_TURN = np.radians(0.1)
TRIPOD_FOCAL = 0.01
TRIPOD_MOVING_J = 0.7

# Following a patch (patch_follower): the alignment is to a tenth of a pixel, corners of a patch that is partly hidden
# or dimmed are farther off.
FOLLOWED_PX = 1.0
RIGID_J = 0.85  # a card of 50 x 40 pixels loses its outermost pixels
