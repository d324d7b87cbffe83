"""The command line: one small file for each command, with its options and one call.
Only this package uses argparse. Only the entry points import this package.
"""
