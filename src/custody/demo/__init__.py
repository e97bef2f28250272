"""`custody demo`: a real project carried through a supply chain, verified, tampered with, and caught.

`projects` finds what to carry (custody's own checkout, or the small project bundled here), `story` tells it, and
`stage` runs the commands it shows.
"""
