"""Checkpoints: a folder per model, holding config.json, weights in safetensors, and a card."""
