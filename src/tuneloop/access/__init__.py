"""People and programs that may ask: users, roles, sessions, keys, and what they did.

permissions.py   what may be done, and which role may do it
"""
