"""Reports for the regulator and the public, and the record that they are made from."""
