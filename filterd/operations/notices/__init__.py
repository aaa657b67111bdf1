"""Notices to the holders of lines: made with each change, told in plain words, sent to receivers."""
