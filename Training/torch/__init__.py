"""Trains the model that ships, in PyTorch on a GPU: README.md."""
