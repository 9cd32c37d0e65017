"""A token issuer, as an identity provider is one: OpenID discovery, keys, client credentials.

Anybody who has its client secret gets a token of any user and domain. That is what a laptop needs
in the place of a login, and what makes this an emulator.
"""
