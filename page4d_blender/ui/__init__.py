"""Sidebar panels and preferences."""
