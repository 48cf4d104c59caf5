"""How close is close enough, by name."""

# Geometry
ROUND_TRIP = 1e-6  # scene units and normalized coordinates
ROUND_TRIP_PX = 1e-4
