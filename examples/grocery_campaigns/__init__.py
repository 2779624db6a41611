"""A year of a grocer: 27 mailings of coupons to 1,559 households, what they bought, and which coupons came back.

    history    the files, as what happened in the order of time
    generate   campaigns.yaml, made from the list of campaigns: `python -m examples.grocery_campaigns.generate`
    replay     the year once more, through the service's own parts

The policy and the data are in `examples/grocery-campaigns`. tests/examples/test_grocery.py replays the year and has the
figures.
"""
