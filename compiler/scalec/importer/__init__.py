"""`scalec import`: from definitions of timm and pycls to specs."""
