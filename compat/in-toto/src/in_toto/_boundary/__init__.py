"""Where the mutable classes and settings of this package become custody's values, once, and come back.

Nothing here verifies, hashes or executes: custody does. Nobody outside this package imports it.
"""
