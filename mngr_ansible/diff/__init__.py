"""Compare the plan with what is true on a host: what is due, why, and where packages come from.

Face: ``due`` (``compare`` → ``Due``), ``outcome`` (``Outcome``, ``Status``), ``resolver`` (``Resolver``,
``Candidate``), ``availability`` (``ask_offers``: what the host's package managers offer), ``commands`` (what a person
would type) and ``preview`` (what would change in files). ``files``, ``mirror``, ``packages`` and ``python`` are the
parts of ``compare``.

All but ``availability`` and ``preview``, which ask the host, are pure. Imports ``host``, ``plan``, ``catalog``,
``spec``, ``portable`` and ``errors``.
"""
