"""Security of wireless and wired telegrams: keys, and the layers opened and sealed. EN 13757-7, OMS.

The layouts of the layers stand in `mbus_grammars`; here is what needs a key. Importing this package imports
no `cryptography`: the extra `crypto` is asked for when the first octet is to be decrypted.
"""
