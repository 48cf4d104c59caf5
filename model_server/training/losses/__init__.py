"""How far the network's cameras, depth and points are from the truth (MODEL_SPEC 5.4; VGGT, arXiv 2503.11651)."""
