"""The runbooks of alerts on deadlines of orders."""

from __future__ import annotations

from monitoring.source.runbook_form import CONTROL_LOG, LEGAL, SYSTEM, Runbook

DEADLINES = {
    "FilterdOrderOverdue": Runbook(
        "the provider is late with what an authority may demand: each month can be fined (CFF 90-A).",
        "see what is late. To enforce: approve it, or bring the nodes that lack it back. To report: hand the "
        "report in, then `filterd order reported ORDER --reference ...`. To unblock: see which node still "
        "has it. Entries of a register's list (list_block, list_unblock): `filterd register list` says what "
        "they wait for. A provisional order: ask the authority whether it was confirmed. Then tell counsel: "
        "complying by oneself mitigates (LMTR 285-IV).",
        "el proveedor va tarde con lo que una autoridad puede exigir: cada mes puede costar una multa "
        "(CFF 90-A).",
        "vea qué está vencido. Para aplicar: apruébela, o recupere los nodos que no la tienen. Para "
        "informar: entregue el informe y luego `filterd order reported ORDEN --reference ...`. Para "
        "desbloquear: vea qué nodo aún la tiene. La lista de un registro (list_block, list_unblock): "
        "`filterd register list` dice qué espera. Orden provisional: pregunte a la autoridad si se confirmó. "
        "Después avise a su abogado: cumplir por iniciativa propia atenúa (LMTR 285-IV).",
        LEGAL,
        ("filterd order due", "filterd order show ORDER", "filterd node list"),
    ),
    "FilterdOrderDueSoon": Runbook(
        "nobody yet; within the hour an order is late.",
        "do what is due: the list says what and for whom. One that waits for a second person needs one now.",
        "nadie todavía; en menos de una hora una orden estará vencida.",
        "haga lo que toca: la lista dice qué y para quién. Si espera a otra persona, hace falta ahora.",
        LEGAL,
        ("filterd order due --within 4h", "filterd order list --state pending", CONTROL_LOG),
    ),
    "FilterdOrderReviewsOverdue": Runbook(
        "a site may be closed for everybody that no longer has to be.",
        "read the order and its document; ask the authority where it is not clear. Then confirm the need or "
        "end it.",
        "quizá un sitio siga cerrado para todos sin que haga falta.",
        "lea la orden y su documento; pregunte a la autoridad si hay duda. Después confirme que hace falta, "
        "o termínela.",
        LEGAL,
        ("filterd order due", "filterd order show ORDER", CONTROL_LOG),
    ),
    "FilterdRosterGap": Runbook(
        "nobody yet; an authority that calls then reaches nobody, and an overdue order waits.",
        "see the gap, and put somebody on the roster. Tell the authority of a change of officer 24 hours "
        "ahead, and note that you did (`filterd duty roster told`).",
        "nadie todavía; una autoridad que llame entonces no encontrará a nadie, y una orden espera.",
        "vea el hueco y ponga a alguien en el rol. Avise a la autoridad del cambio de responsable con 24 "
        "horas, y regístrelo (`filterd duty roster told`).",
        LEGAL,
        ("filterd duty roster show", "filterd duty due", CONTROL_LOG),
    ),
    "FilterdOrderAlarmsWait": Runbook(
        "nobody yet; those who should know that an order is due do not.",
        "the doctor says what the server answered. Mend the server or the settings, and try it. Meanwhile "
        "somebody looks at the list.",
        "nadie todavía; quienes deben saber que una orden vence no se enteran.",
        "el doctor dice qué respondió el servidor. Corrija el servidor o las opciones, y pruébelo. Mientras "
        "tanto alguien mira la lista.",
        SYSTEM,
        ("filterd doctor", "filterd order due", CONTROL_LOG),
    ),
}
