"""Public keys: what they are, what they are called, and whether a signature is theirs. Never a private key.

`public` holds the key itself, `schemes` the one table of key types, `ed25519`, `ecdsa` and `rsa` what differs between
them, `keyid` the two ways to name a key, `document` how layouts write keys, and `pem` how files do.

`openpgp` holds keys and signatures of OpenPGP, `openpgp_algorithms` their table, `openpgp_document` how layouts write
them, `openpgp_packets` their binary forms, `openpgp_forms` what their files look like, `openpgp_certificate` what is
believed of a key that `gpg --export` wrote. `key` is either kind.

`x509_certificate` reads certificates, `x509_names` their names, `x509_path` decides whether one leads to a root, and
`x509_constraint` whether it is one that a layout asks for.
"""
