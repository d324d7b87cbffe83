"""A spec with its names resolved. In: syntax trees of a spec and its imports. Out: `Program`, and the request for one
scale of it. Imports language and ops; it does not know networks.
"""
