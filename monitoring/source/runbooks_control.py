"""Runbooks of the alerts on orders, lists and the store."""

from __future__ import annotations

from monitoring.source.runbook_form import (
    CONTROL_LOG,
    CONTROL_READY,
    LEGAL,
    LISTS,
    NODES,
    SYSTEM,
    Runbook,
)

CONTROL = {
    "FilterdControlNotReady": Runbook(
        "clients are answered, and what was in force is blocked. New orders may be refused.",
        "no snapshot: `filterd snapshot build`. A store that is not the newest: put the newest back, or "
        "`filterd restore`. Damaged rows: see [FilterdStoreDamaged](#filterdstoredamaged).",
        "los clientes reciben respuestas, y lo que regía se bloquea. Quizá se rechacen órdenes nuevas.",
        "sin instantánea: `filterd snapshot build`. Un almacén que no es el más nuevo: devuelva el "
        "más nuevo, "
        "o `filterd restore`. Filas dañadas: vea [FilterdStoreDamaged](#filterdstoredamaged).",
        LEGAL,
        (CONTROL_READY, CONTROL_LOG, "filterd audit verify"),
    ),
    "FilterdStoreDamaged": Runbook(
        "nodes keep what they have. A node that starts anew may lack a damaged order.",
        "`filterd audit verify` names each row with its remedy: restore a backup, or take the order in anew, "
        "see it in force, and only then end the damaged one. Keep the store file as evidence.",
        "los nodos conservan lo que tienen. A un nodo nuevo le puede faltar una orden dañada.",
        "`filterd audit verify` nombra cada fila con su remedio: restaure un respaldo, o tome la orden de "
        "nuevo, véala vigente, y solo entonces termine la dañada. Guarde el almacén como evidencia.",
        LEGAL,
        ("filterd audit verify", "filterd order list", CONTROL_LOG),
    ),
    "FilterdAuditFell": Runbook(
        "decisions since the older state are missing from the trail.",
        "ask who restored the store. If nobody did, keep the files as evidence and compare with the hash "
        "that you noted last.",
        "faltan en el registro decisiones posteriores al estado más viejo.",
        "pregunte quién restauró el almacén. Si nadie lo hizo, guarde los archivos como evidencia y compare "
        "con la última huella anotada.",
        LEGAL,
        ("filterd audit verify", "filterd audit tail", NODES),
    ),
    "FilterdOrderPending": Runbook(
        "the names of the order are answered until another person approves it.",
        "read the order. A person who has not approved it yet approves it, `filterd order approve "
        "O-NUMBER`, under their own user; or end it: `filterd order withdraw O-NUMBER --reason "
        '"..."`.',
        "los nombres de la orden se responden hasta que otra persona la apruebe.",
        "lea la orden. Quien aún no la aprobó la aprueba, `filterd order approve O-NUMBER`, con su propio "
        'usuario; o termínela: `filterd order withdraw O-NUMBER --reason "..."`.',
        LEGAL,
        ("filterd order list --state pending", "filterd order show O-NUMBER", CONTROL_LOG),
    ),
    "FilterdOrderQuarantined": Runbook(
        "the names of the order are answered.",
        "if the order is right, take the name off `protected.yaml` and have two people approve; else "
        "withdraw it and answer the authority.",
        "los nombres de la orden se responden.",
        "si la orden es correcta, quite el nombre de `protected.yaml` y que aprueben dos personas; si no, "
        "retírela y responda a la autoridad.",
        LEGAL,
        ("filterd order list --state quarantined", "filterd order show O-NUMBER", CONTROL_LOG),
    ),
    "FilterdFeedQuarantined": Runbook(
        "the version before is in force; new names of the list are answered.",
        "mend the source; if it is right, widen the feed's `guard`. Then read it again: `filterd feed "
        "update FEED`.",
        "rige la versión anterior; los nombres nuevos de la lista se responden.",
        "corrija la fuente; si está bien, amplíe la `guard` de la lista. Luego léala de nuevo: `filterd "
        "feed update FEED`.",
        LISTS,
        ("filterd feed list", "filterd feed show FEED", "filterd audit tail --of feed:FEED"),
    ),
    "FilterdFeedOrphaned": Runbook(
        "none: the list stays in force as it was adopted.",
        'put the entry back, or end the feed: `filterd feed retire FEED --reason "..."`.',
        "ninguna: la lista rige como se adoptó.",
        'devuelva la entrada, o termine la lista: `filterd feed retire FEED --reason "..."`.',
        LISTS,
        ("filterd feed list", "filterd config check", "filterd feed show FEED"),
    ),
    "FilterdFeedHeld": Runbook(
        "the older version is in force; newer names are answered.",
        "see who holds it and why. Once the source is mended: `filterd feed hold FEED --release`.",
        "rige la versión anterior; los nombres más nuevos se responden.",
        "vea quién la detuvo y por qué. Corregida la fuente: `filterd feed hold FEED --release`.",
        LISTS,
        ("filterd feed list", "filterd feed show FEED", "filterd audit tail"),
    ),
    "FilterdFeedStale": Runbook(
        "the last good version is in force; newer names are answered.",
        "mend the source, and read it: `filterd feed update FEED`. Where the feed's `refresh` is longer than "
        "a day, raise the figure of the rule.",
        "rige la última versión buena; los nombres más nuevos se responden.",
        "corrija la fuente y léala: `filterd feed update FEED`. Si el `refresh` de la lista supera un día, "
        "suba la cifra de la regla.",
        LISTS,
        ("filterd feed list", "filterd feed show FEED", CONTROL_LOG),
    ),
    "FilterdFeedShrank": Runbook(
        "names that were blocked yesterday are answered.",
        "compare with the source. If the new version is wrong, mend the source; give the feed a narrower "
        "`guard`.",
        "nombres bloqueados ayer se responden.",
        "compare con la fuente. Si la versión nueva está mal, corrija la fuente; dé a la lista una `guard` "
        "más estrecha.",
        LISTS,
        (
            "filterd feed show FEED",
            "filterd audit tail --of feed:FEED",
            "filterd feed list",
        ),
    ),
    "FilterdCompileFailed": Runbook(
        "lists stay as they were; orders take effect.",
        "the log names the file or the profile; mend it. Control tries again by itself; at once: `filterd "
        "snapshot build`.",
        "las listas quedan como estaban; las órdenes surten efecto.",
        "el registro nombra el archivo o el perfil; corríjalo. El control lo intenta de nuevo por sí mismo; "
        "enseguida: `filterd snapshot build`.",
        SYSTEM,
        ("filterd config check", CONTROL_LOG, "filterd snapshot show"),
    ),
    "FilterdOptInsFell": Runbook(
        "families may have lost the filter that they chose.",
        "see in the trail who opted lines out. Opt them in again where nobody asked for it.",
        "algunas familias pueden haber perdido el filtro que eligieron.",
        "vea en el registro quién dio de baja las líneas. Délas de alta de nuevo si nadie lo pidió.",
        LEGAL,
        ("filterd audit tail", "filterd subscriber list", NODES),
    ),
}
