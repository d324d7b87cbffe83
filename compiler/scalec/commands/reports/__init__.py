"""The output of commands: tables, differences and plots. The packages below compute the contents.
Only `commands` imports this package.
"""
