"""The words of a command that waited for the nodes."""

from __future__ import annotations

import pytest

from filterd.cli.waiting import say_waited
from filterd.operations.orders.times import EffectTimes, NodeTimes, OrderTimes, Waited


@pytest.mark.parametrize(
    ("kind", "said"), [("enforce", "O-1 is in force on every node"), ("lift", "O-1 is off every node")]
)
def test_an_order_that_left_the_nodes_is_not_called_lifted(
    kind: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    node = NodeTimes("n1", "applied", 5.2, 0.2)
    effect = EffectTimes(kind, 5.0, 5.0, 5.2, 5.2, 0.0, 0.2, 0.2, None, (node,))
    say_waited(
        Waited(OrderTimes("O-1", 1.0, 2.0, None, None), effect, complete=True, probing=False), as_json=False
    )
    printed = capsys.readouterr().err
    assert printed.startswith(said + ": 0.200 s to the first")
