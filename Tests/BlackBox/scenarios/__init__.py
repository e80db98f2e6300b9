"""What is tried on a control plane. Each module has a list of functions; each function takes a World."""
