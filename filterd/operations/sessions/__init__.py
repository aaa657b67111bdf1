"""The use cases of sessions: told, ended, counted, shown and explained."""
