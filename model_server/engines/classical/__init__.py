"""The embedded default: structure from motion and multi-view stereo, no weights, any machine."""
