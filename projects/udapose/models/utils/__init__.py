"""Batched tensor operations shared by models."""
