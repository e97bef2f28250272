"""Images as the OCI specifications write them (image 1.1, distribution 1.1): names, manifests, the protocol.

Nothing here reads or sends: the registry's protocol is a set of generators that ask for requests and are given the
answers.
"""
