"""The parts of ``make session-chain``: sessions through a whole installation."""
