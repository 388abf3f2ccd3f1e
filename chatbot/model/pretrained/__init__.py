"""A pretrained base of Hugging Face: its files, its network, its adapter."""
