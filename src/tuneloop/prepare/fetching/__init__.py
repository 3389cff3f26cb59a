"""What the places that lie elsewhere share.

secrets        addresses without what is secret in them
spool          what was fetched, until a version is made of it
download       one file of a hub, going on where it broke off
card  hub      data sets of hubs: which files, which split
addresses  web_client  robots  pace  page_list   pages, politely, and never inside the network
reading_only  plain_values  database             queries that only read; column values as plain data
"""
