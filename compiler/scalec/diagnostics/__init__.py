"""Errors and warnings, and their output. In: places in a text, and the problem at each place. Out: text for people,
JSON, SARIF and CI formats. Every package may import this one. It imports only the modules at the bottom of the order.
"""
