"""People who sign in with an account of the installation, at whichever desk: token, passkey, session."""
