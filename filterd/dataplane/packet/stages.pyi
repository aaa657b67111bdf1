"""Native only: ``packets`` is its Python face."""
