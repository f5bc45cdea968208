"""The recognisers: kNN on features, the generic base, the personalised head."""
