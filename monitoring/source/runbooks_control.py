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
        "see what it would change: `filterd feed diff FEED`. If it is wrong, mend the source and read it "
        "again: `filterd feed update FEED`; if it is right: `filterd feed update FEED --accept --reason "
        '"..."`.',
        "rige la versión anterior; los nombres nuevos de la lista se responden.",
        "vea qué cambiaría: `filterd feed diff FEED`. Si está mal, corrija la fuente y léala de nuevo: "
        "`filterd feed update FEED`; si está bien: `filterd feed update FEED --accept --reason "
        '"..."`.',
        LISTS,
        ("filterd feed show FEED", "filterd feed diff FEED", "filterd audit tail --of feed:FEED"),
    ),
    "FilterdFeedNamesHeld": Runbook(
        "these names are answered; everything else of the list is in force.",
        "look at them: `filterd feed diff FEED`. A name that belongs to the list is assigned in "
        "`expected.yaml`, or taken once: `filterd feed update FEED --accept --reason "
        '"..."` (of a mandatory list by two people). One that does not is the source\'s to mend.',
        "estos nombres se responden; todo lo demás de la lista rige.",
        "véalos: `filterd feed diff FEED`. Un nombre que sí pertenece a la lista se asigna en "
        "`expected.yaml`, o se acepta una vez: `filterd feed update FEED --accept --reason "
        '"..."` (si la lista es obligatoria, entre dos personas). Uno que no, lo corrige la fuente.',
        LISTS,
        ("filterd feed show FEED", "filterd feed diff FEED", "filterd audit tail --of feed:FEED"),
    ),
    "FilterdFeedOrphaned": Runbook(
        "none: the list stays in force as it was adopted.",
        'put the entry back, or end the feed: `filterd feed retire FEED --reason "..."`. Where '
        "`filterd feed list` says `entry rekeyed`, the entry names another key: put the old one back, or two "
        "people take the new one with `filterd feed trust FEED --reason ...`.",
        "ninguna: la lista rige como se adoptó.",
        'devuelva la entrada, o termine la lista: `filterd feed retire FEED --reason "..."`. Si '
        "`filterd feed list` dice `entry rekeyed`, la entrada nombra otra clave: restituya la anterior, o "
        "dos personas toman la nueva con `filterd feed trust FEED --reason ...`.",
        LISTS,
        ("filterd feed list", "filterd config check", "filterd feed show FEED"),
    ),
    "FilterdFeedContributesNothing": Runbook(
        "what the list should block is answered, or only its last good version is in force.",
        "`filterd feed show FEED` says what went wrong at each server; ask the list's publisher for its new "
        "address, change `source` in `feeds.yaml`, and read it: `filterd feed update FEED`. A list that has "
        "ended: take its entry out and retire it.",
        "lo que la lista debería bloquear se responde, o rige sólo su última versión buena.",
        "`filterd feed show FEED` dice qué falló en cada servidor; pida la dirección nueva a quien publica "
        "la lista, cambie `source` en `feeds.yaml` y léala: `filterd feed update FEED`. Si la lista acabó: "
        "quite su entrada y retírela.",
        LISTS,
        ("filterd feed list", "filterd feed show FEED", CONTROL_LOG),
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
        "`filterd feed show FEED` says what went wrong at each server; mend it, and read the list: `filterd "
        "feed update FEED`. A list that its publisher changes seldom: raise `stale_after` in its entry.",
        "rige la última versión buena; los nombres más nuevos se responden.",
        "`filterd feed show FEED` dice qué falló en cada servidor; corríjalo y lea la lista: `filterd feed "
        "update FEED`. Si quien la publica la cambia rara vez: suba `stale_after` en su entrada.",
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
    "FilterdRetentionOverdue": Runbook(
        "people's data is kept for longer than they were told.",
        "`filterd retention run` names what it cannot delete, such as a backup of another owner: delete that "
        "as its owner, and run it again. Then `filterd retention prove`.",
        "se conservan datos de personas por más tiempo del que se les dijo.",
        "`filterd retention run` nombra lo que no puede borrar, como un respaldo de otro dueño: bórrelo como "
        "su dueño, y córralo de nuevo. Después `filterd retention prove`.",
        LEGAL,
        ("filterd retention show", CONTROL_LOG, "filterd audit tail --of retention"),
    ),
    "FilterdArcoOverdue": Runbook(
        "a holder waits for longer than the law allows, and may complain to the authority.",
        "answer it, `filterd arco answer R-NUMBER --outcome ...`, or carry it out and close it: `filterd "
        "arco close R-NUMBER`.",
        "una persona titular espera más de lo que permite la ley, y puede quejarse ante la autoridad.",
        "respóndala, `filterd arco answer R-NUMBER --outcome ...`, o cúmplala y ciérrela: `filterd arco "
        "close R-NUMBER`.",
        LEGAL,
        ("filterd arco list", "filterd arco list --closed", CONTROL_LOG),
    ),
    "FilterdReviewsOverdue": Runbook(
        "somebody who asked that a site be looked at again waits for longer than they were told.",
        "decide it: `filterd review decide REVIEW --outcome ... --reason ...`. An appeal takes another "
        "person than the first decision.",
        "alguien que pidió revisar un sitio espera más de lo que se le dijo.",
        "decídala: `filterd review decide REVIEW --outcome ... --reason ...`. Una inconformidad la decide "
        "otra persona que la primera.",
        LEGAL,
        ("filterd review list", "filterd review show REVIEW", CONTROL_LOG),
    ),
    "FilterdMandatoryGrowth": Runbook(
        "nobody by itself; but more is blocked for everybody than before, and the public page says so.",
        "see which orders and lists added the names. Where one is a mistake of its authority or of a list, "
        "treat it as over-blocking; else have an explanation ready for whoever asks.",
        "nadie por sí mismo; pero se bloquea más que antes para todas las personas, y la página lo dice.",
        "vea qué órdenes y listas añadieron los nombres. Si es un error de la autoridad o de una lista, "
        "trátelo como bloqueo de más; si no, tenga lista una explicación para quien pregunte.",
        LEGAL,
        ("filterd report transparency", "filterd order list", CONTROL_LOG),
    ),
    "FilterdPublicPagesDiffer": Runbook(
        "whoever reads the published pages is told something that is no longer so.",
        "the check says which facts differ. Where they are right, publish anew: `filterd page export "
        "DIRECTORY`, and put it on the web server. Where not, mend what runs.",
        "quien lee las páginas publicadas se entera de algo que ya no es así.",
        "la revisión dice qué datos difieren. Si lo que corre es correcto, publique de nuevo: `filterd page "
        "export DIRECTORIO`, y llévelo al servidor web. Si no, corrija lo que corre.",
        LEGAL,
        ("filterd page check", "filterd page list", CONTROL_LOG),
    ),
    "FilterdNoticesWait": Runbook(
        "holders do not learn of changes on their line, wanted or not; the changes are in effect.",
        "the list says what the receiver answered. Mend it there: notices come again by themselves, or at "
        "once: `filterd notice retry --all`. One that answers 410 is asked again only after that.",
        "los titulares no se enteran de cambios en su línea, los hayan pedido o no; los cambios rigen.",
        "la lista dice qué respondió el receptor. Corríjalo ahí: los avisos se envían de nuevo solos, o "
        "enseguida: `filterd notice retry --all`. A uno que responde 410 solo se le vuelve a enviar "
        "después de eso.",
        SYSTEM,
        ("filterd notice list --undelivered", "filterd doctor", CONTROL_LOG),
    ),
}
