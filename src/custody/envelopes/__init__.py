"""Bytes with signatures around them: Metablock (specification 1.0, section 4.2) and DSSE (ITE-5).

`reader` tells them apart, `signers` checks signatures. An envelope never looks into what it carries.
"""
