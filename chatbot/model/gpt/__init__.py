"""Our own network: the layout of Qwen3, in torch and in numpy."""
