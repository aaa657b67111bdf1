"""Rules and what follows from them: compiling, matching, deciding, inspecting. No I/O."""
