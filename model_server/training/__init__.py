"""Trains the network, and draws and reads the clips that it learns from and is scored on."""
