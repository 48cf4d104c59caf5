"""What buttons and scripts call."""
