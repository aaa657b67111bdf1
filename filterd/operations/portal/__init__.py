"""Signing in to the subscriber's portal, and what a session may do.

::

    state.PortalState          made once by the web process; limits of tries, and kept OpenID documents
    links.issue / consume      one-time links and codes of the provider's systems
    pins.sign_in / choose      the PIN of a line, for who is on the line
    openid.begin / finish      the provider's own sign-in
    sessions.find / sign_out   the session of a cookie; csrf_token and require_csrf for forms
    acting.acting / evidence   the context in which a session acts, and the evidence of its requests
    on_line.line_of_address    the line that a client's address is on

A page calls ``acting(context, session)`` and passes that context to the use cases (``subscribers.pause``
...), with ``require_line(session, id)`` before anything about a line that a form names.
"""
