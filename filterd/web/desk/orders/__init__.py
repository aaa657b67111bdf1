"""The duty desk, ``/desk/orders``: what is due, orders, requests of authorities, roster and hand-over."""
