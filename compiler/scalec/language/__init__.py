"""The language as text: characters, grammar, syntax, exact numbers, layout. In: bytes. Out: `syntax.Spec`, or errors
with their places. It knows no operators, scales or networks. Imports diagnostics and the modules below it.
"""
