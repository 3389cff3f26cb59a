# Everything is in dev.py; these are its words for people who type make.
.PHONY: setup demo test lint bench docs
setup demo test lint bench docs:
	@python3 dev.py $@ $(ARGS)
