"""A set with personal data in it, written from the official description of each kind, and how finders are judged on it.

Nothing here reads or resembles a finder's pattern: values are built from the rules of those who give them out (digit by
digit, with their checksums), and the sentences around them are written by hand.
"""
