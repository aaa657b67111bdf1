"""The rows of each dashboard."""

from __future__ import annotations

from monitoring.source.rows_answers import PATHS, STATE, TRAFFIC
from monitoring.source.rows_lines import RECORDS, SESSIONS
from monitoring.source.rows_policy import ORDERS, POLICY, PROOF
from monitoring.source.rows_registers import REGISTERS
from monitoring.source.rows_trail import TRAIL
from monitoring.source.rows_web import API, BLOCK, PAGES

OPERATORS = (
    STATE,
    TRAFFIC,
    PATHS,
    POLICY,
    PROOF,
    ORDERS,
    REGISTERS,
    TRAIL,
    SESSIONS,
    RECORDS,
    API,
    PAGES,
    BLOCK,
)
AUDITORS = (ORDERS, REGISTERS, POLICY, PROOF, TRAIL, RECORDS)
