"""The runbooks of alerts on registers of authorities."""

from __future__ import annotations

from monitoring.source.runbook_form import CONTROL_LOG, LEGAL, SYSTEM, Runbook

REGISTERS = {
    "FilterdRegisterHeld": Runbook(
        "sites that the authority may have taken out stay blocked.",
        "see what is gone, and ask the authority whether it took it out. If so: `filterd register accept`. "
        "If its list was cut, wait for the next one: what stands in it again is no removal any more.",
        "siguen bloqueados sitios que la autoridad quizá quitó.",
        "vea qué falta y pregunte a la autoridad si lo quitó. Si es así: `filterd register accept`. Si su "
        "lista llegó cortada, espere la siguiente: lo que reaparece deja de ser una baja.",
        LEGAL,
        ("filterd register show REGISTER", "filterd register answers RUN", CONTROL_LOG),
    ),
    "FilterdRegisterAnswersLate": Runbook(
        "the authority waits for answers that it may fine.",
        "see why: a list that its feed holds is seen with `filterd feed diff LIST`, and accepted with the "
        "digest that it shows: `filterd feed update LIST --accept --digest DIGEST`. Then retry.",
        "la autoridad espera respuestas, y puede multar.",
        "vea por qué: una lista retenida se ve con `filterd feed diff LISTA` y se acepta con la huella que "
        "muestra: `filterd feed update LISTA --accept --digest HUELLA`. Luego reintente.",
        LEGAL,
        ("filterd register show REGISTER", "filterd doctor", CONTROL_LOG),
    ),
    "FilterdRegisterNotPulled": Runbook(
        "nobody yet: all blocks stay. What is new or taken out there is missing, and its time runs.",
        "the reason stands in the register's problem: its server, the way there, or what it gave. Try it "
        "without changing anything. Tell the authority, and keep its answer.",
        "nadie todavía: los bloqueos siguen. Falta lo nuevo y lo dado de baja, y su plazo corre.",
        "el motivo está en el problema del registro: su servidor, el camino o lo que dio. Pruebe sin cambiar "
        "nada. Avise a la autoridad y guarde su respuesta.",
        SYSTEM,
        ("filterd register show REGISTER", "filterd register pull REGISTER --dry-run", CONTROL_LOG),
    ),
    "FilterdRegisterAnswersUndelivered": Runbook(
        "the authority does not know what was done; the blocks are in force.",
        "see what its server said; mend `registers: answers`, or ask the authority. Then retry.",
        "la autoridad no sabe qué se hizo; los bloqueos están vigentes.",
        "vea qué dijo su servidor; corrija `registers: answers` o pregunte a la autoridad. Luego reintente.",
        SYSTEM,
        ("filterd register answers", "filterd doctor", CONTROL_LOG),
    ),
    "FilterdCapacityFills": Runbook(
        "nobody yet; once it is full, what the authority demands is not blocked, and it is told so.",
        "declare more, if the machines bear it, and tell the authority; or ask it to withdraw what is old. "
        "Nothing gives way by itself.",
        "nadie todavía; al llenarse, lo que pida la autoridad no se bloquea, y se le dice.",
        "declare más, si las máquinas lo soportan, y avise a la autoridad; o pídale que retire lo viejo. "
        "Nada cede su lugar por sí mismo.",
        SYSTEM,
        ("filterd register list", "filterd order list", CONTROL_LOG),
    ),
}
