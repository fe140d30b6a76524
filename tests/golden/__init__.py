"""What people are shown, in files to read: ``screens/NAME.txt``. ``python -m tools.golden`` writes them anew."""
