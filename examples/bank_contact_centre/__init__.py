"""The demo: replays 41,188 real calls of a bank's contact centre through Opportune, over HTTP.

    calls      the file, as calls
    client     one keep-alive connection to the API
    service    the embedded service, as a child process
    replay     the desks: ask, make the offer, send the answer back
    agreement  do the service's figures and ours agree?
    report     what a person sees

Run it with `make demo`, or `python -m examples.bank_contact_centre --help`. The policy and the data are in
`examples/bank-contact-centre`.
"""
