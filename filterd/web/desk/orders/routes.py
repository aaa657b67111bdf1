"""The paths of the duty desk, each with the permission that it takes."""

from __future__ import annotations

from filterd.model.token import Permission
from filterd.web.accounts.views import View
from filterd.web.desk.orders import (
    acting,
    adding,
    approving,
    due_page,
    emergency,
    order_pages,
    people_pages,
    register,
)
from filterd.web.desk.orders.frame import HOME
from filterd.web.pages.numbers import NUMBER

_READ, _WRITE = Permission.DUTY_READ, Permission.DUTY_WRITE
_ORDERS, _DECIDE = Permission.ORDERS_READ, Permission.ORDERS_WRITE
ONE = f"{HOME}/{{number:{NUMBER}}}"
DUTY_PAGES: dict[tuple[str, str], tuple[View, Permission | None]] = {
    ("GET", HOME): (due_page.show, _READ),
    ("GET", f"{HOME}/requests"): (register.show_all, _READ),
    ("GET", f"{HOME}/requests/new"): (register.show_new, _WRITE),
    ("POST", f"{HOME}/requests/new"): (register.add, _WRITE),
    ("GET", f"{HOME}/requests/{{number:{NUMBER}}}"): (register.show, _READ),
    ("POST", f"{HOME}/requests/{{number:{NUMBER}}}"): (register.take, _WRITE),
    ("GET", f"{HOME}/handover"): (people_pages.show_log, _READ),
    ("POST", f"{HOME}/handover"): (people_pages.write, _WRITE),
    ("POST", f"{HOME}/handover/read"): (people_pages.read, _WRITE),
    ("GET", f"{HOME}/roster"): (people_pages.show_roster, _READ),
    ("POST", f"{HOME}/roster"): (people_pages.change_roster, _WRITE),
    ("GET", f"{HOME}/list"): (order_pages.show_all, _ORDERS),
    ("GET", f"{HOME}/new"): (adding.show_new, _DECIDE),
    ("POST", f"{HOME}/new"): (adding.add, _DECIDE),
    ("GET", f"{HOME}/new/sign"): (adding.show_unsigned, _DECIDE),
    ("POST", f"{HOME}/new/sign"): (adding.sign, _DECIDE),
    ("GET", ONE): (order_pages.show, _ORDERS),
    ("POST", f"{ONE}/approve"): (approving.approve, _DECIDE),
    ("GET", f"{ONE}/receipt"): (order_pages.receipt, _ORDERS),
    ("GET", f"{ONE}/emergency"): (emergency.ask, _DECIDE),
    ("POST", f"{ONE}/emergency"): (emergency.end, _DECIDE),
}
"""method and path -> the view, and what the agent's token must allow"""

for name, act in acting.ORDER_ACTS.items():
    DUTY_PAGES["POST", f"{ONE}/{name}"] = (acting.doing(act), _DECIDE)
