"""What `plan` says before training, a module for each model family."""
