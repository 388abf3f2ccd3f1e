"""One module per command: its first line is its help, add_arguments(parser), run(args, config)."""
