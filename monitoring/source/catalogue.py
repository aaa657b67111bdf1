"""Every alert, in the order of the rules file."""

from __future__ import annotations

from monitoring.source.alerts_answers import ANSWERS
from monitoring.source.alerts_api import API
from monitoring.source.alerts_clients import CLIENTS
from monitoring.source.alerts_control import CONTROL
from monitoring.source.alerts_deadlines import DEADLINES
from monitoring.source.alerts_node import NODE
from monitoring.source.alerts_proof import PROOF
from monitoring.source.alerts_registers import REGISTERS
from monitoring.source.alerts_sessions import SESSIONS
from monitoring.source.alerts_trail import TRAIL
from monitoring.source.alerts_upstreams import UPSTREAMS

GROUPS = (ANSWERS, NODE, PROOF, UPSTREAMS, CONTROL, DEADLINES, REGISTERS, CLIENTS, SESSIONS, API, TRAIL)
