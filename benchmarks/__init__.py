"""What the promises of speed and memory are measured with. See README.md beside this file."""
