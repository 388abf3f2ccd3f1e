"""The command line: programs, commands, and what they print."""
