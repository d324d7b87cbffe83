"""The language as text: characters, grammar, syntax, exact numbers, layout. In: bytes. Out: `syntax.Spec`, or
findings with places. Knows no operator, no scale and no network; imports diagnostics and the ground.
"""
