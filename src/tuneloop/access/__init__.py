"""People and programs that may ask: users, roles, sessions, keys, and what they did.

permissions.py   what may be done, and which role may do it
people.py        who there is; the last admin stays
passwords.py     what is accepted as a password, and its hash
keys.py          API keys
sessions.py      sessions in a browser
sign_in.py       by password or by a link that works once; the first start
throttle.py      attempts to sign in, counted
callers.py       who stands behind a key or a session
audit.py         who did what
tokens.py        random secrets and their hashes
generation.py    what was read before a right was taken away is not trusted after
"""
