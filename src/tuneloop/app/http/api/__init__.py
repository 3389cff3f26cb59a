"""Everything of ours, one file per resource."""
