"""Public keys: what they are, what they are called, and whether a signature is theirs. Never a private key.

`public` holds the key itself, `schemes` the one table of key types, `ed25519`, `ecdsa` and `rsa` what differs between
them, `keyid` the two ways to name a key, `document` how layouts write keys, and `pem` how files do.
"""
