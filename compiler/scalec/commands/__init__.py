"""The command line: one thin file a command, options and one call.
The only package that knows argparse; nothing imports it but the entry points."""
