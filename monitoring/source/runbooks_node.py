"""Runbooks of the alerts on a node's state."""

from __future__ import annotations

from monitoring.source.runbook_form import (
    CONTROL_LOG,
    LEGAL,
    LISTS,
    NOBODY,
    NODES,
    READY,
    RESOLVER_LOG,
    STATUS,
    SYSTEM,
    Runbook,
    count,
)

NODE = {
    "FilterdNodeLag": Runbook(
        "DNS goes on, with all that was in force. What was ordered or chosen since is not in force here.",
        "the log says `change log not followed`, and why: an unreadable store, a full disk (make room), a "
        "disk that hangs (`dmesg`), or another store (see [FilterdOtherHistory](#filterdotherhistory)).",
        "el DNS sigue, con todo lo que regía. Lo ordenado o elegido desde entonces no rige aquí.",
        "el registro dice `change log not followed`, y por qué: un almacén ilegible, un disco lleno (haga "
        "espacio), un disco trabado (`dmesg`) u otro almacén (vea "
        "[FilterdOtherHistory](#filterdotherhistory)).",
        LEGAL,
        (NODES, RESOLVER_LOG, "df -h /var/lib/filterd"),
    ),
    "FilterdOrderLate": Runbook(
        "the order is in force now; it was late by seconds.",
        "see whether the node was restarted or behind at that time; compare with the time of acceptance.",
        "la orden ya rige; tardó unos segundos.",
        "vea si el nodo se reinició o iba atrasado a esa hora; compare con la hora de aceptación.",
        NOBODY,
        ("filterd order list", "filterd audit tail", RESOLVER_LOG),
    ),
    "FilterdOrderVeryLate": Runbook(
        "names that had to be blocked were answered for more than a minute on this node.",
        "write down acceptance and effect; mend what kept the node behind (lag, disk, a node that was off).",
        "nombres que debían bloquearse se respondieron más de un minuto en este nodo.",
        "anote aceptación y efecto; repare lo que atrasó al nodo (atraso, disco, nodo apagado).",
        LEGAL,
        ("filterd order list", NODES, RESOLVER_LOG),
    ),
    "FilterdOtherHistory": Runbook(
        "what was in force stays so. New orders, withdrawals and choices do not reach this node.",
        "1. Put the newest store back, if it is somewhere. 2. Else `filterd restore` the newest backup. "
        "3. If the store that stands there is the right one: `filterd node resync --accept` on this node.",
        "lo que regía sigue rigiendo. Las órdenes, los retiros y las elecciones nuevas no llegan a "
        "este nodo.",
        "1. Devuelva el almacén más nuevo, si existe. 2. Si no, `filterd restore` con el respaldo más nuevo. "
        "3. Si el almacén actual es el correcto: `filterd node resync --accept` en este nodo.",
        SYSTEM,
        (NODES, "filterd node resync", "filterd audit verify"),
    ),
    "FilterdKeptOrders": Runbook(
        "nothing is unblocked. A withdrawal in the store does not end these orders.",
        "take each in again from its document and have it approved; only then end the old number with "
        "`filterd node resync --end O-OLD --replaced-by O-NEW --reason …`.",
        "nada queda desbloqueado. Un retiro en el almacén no termina estas órdenes.",
        "tome cada una de nuevo desde su documento y hágala aprobar; solo entonces termine el número viejo "
        "con `filterd node resync --end O-OLD --replaced-by O-NEW --reason …`.",
        LEGAL,
        ("filterd node resync", "filterd order list", NODES),
    ),
    "FilterdNotDurable": Runbook(
        "the orders are in force now. A restart may lose them until the store can be read.",
        "do not restart the resolver. Make room, or mend the disk; it writes them by itself.",
        "las órdenes rigen ahora. Un reinicio puede perderlas hasta que se lea el almacén.",
        "no reinicie el resolvedor. Haga espacio o repare el disco; las escribe por sí mismo.",
        SYSTEM,
        ("df -h /var/lib/filterd", "dmesg", READY),
    ),
    "FilterdNodeStateDamaged": Runbook(
        "while the store can be read: nothing is missing.",
        "look for errors of the disk; replace it where there are any.",
        "mientras se pueda leer el almacén no falta nada.",
        "busque errores del disco; reemplácelo si los hay.",
        SYSTEM,
        (RESOLVER_LOG, "dmesg", READY),
    ),
    "FilterdSnapshotRefused": Runbook(
        "the lists before stay in force; orders take effect all the same.",
        "`wrong_key`: put `keys/fingerprint.key` back. Else build another snapshot: `filterd snapshot "
        "build`.",
        "rigen las listas anteriores; las órdenes surten efecto de todos modos.",
        "`wrong_key`: devuelva `keys/fingerprint.key`. Si no, construya otra instantánea: `filterd snapshot "
        "build`.",
        SYSTEM,
        ("filterd snapshot verify", "filterd snapshot show", RESOLVER_LOG),
    ),
    "FilterdSnapshotsDiffer": Runbook(
        "on some nodes an older list is in force: new names of lists are answered there. Orders hold "
        "everywhere.",
        "find the node with the older digest; its log says what it refuses or why it does not follow.",
        "en algunos nodos rige una lista más vieja: ahí se responden nombres nuevos de las listas. Las "
        "órdenes rigen en todos.",
        "busque el nodo con el digest más viejo; su registro dice qué rechaza o por qué no sigue.",
        LISTS,
        (NODES, "filterd snapshot show", RESOLVER_LOG),
    ),
    "FilterdOverlayLarge": Runbook(
        "all is in force. The node takes more memory, and a start takes longer.",
        "mend what control's log names, then build a snapshot: `filterd snapshot build`.",
        "todo rige. El nodo usa más memoria, y un arranque tarda más.",
        "repare lo que nombra el registro del control y construya una instantánea: `filterd snapshot build`.",
        SYSTEM,
        (CONTROL_LOG, "filterd config check", "filterd snapshot show"),
    ),
    "FilterdParentalSuspended": Runbook(
        "no line gets what its profile blocks; own block names, orders and security lists hold.",
        "ask who suspended it, and why. Once what was wrong is mended: `filterd parental resume`.",
        "ninguna línea recibe lo que bloquea su perfil; rigen los nombres propios, las órdenes y las listas "
        "de seguridad.",
        "pregunte quién lo suspendió y por qué. Corregido el problema: `filterd parental resume`.",
        LISTS,
        ("filterd parental status", "filterd audit tail", NODES),
    ),
    "FilterdExceptionsForLong": Runbook(
        "the names pass on every line, whatever lists say.",
        "have each list mended at its source, then end its exception: `filterd exception end NAME`.",
        "los nombres pasan en todas las líneas, digan lo que digan las listas.",
        "haga corregir cada lista en su origen y termine su excepción: `filterd exception end NOMBRE`.",
        LISTS,
        ("filterd exception list", "filterd feed list", "filterd audit tail"),
    ),
    "FilterdUnknownProfiles": Runbook(
        "lines with such a profile may not get what they chose.",
        "put the profile's file back, or move its lines to another profile.",
        "las líneas con ese perfil quizá no reciben lo que eligieron.",
        "devuelva el archivo del perfil, o pase sus líneas a otro perfil.",
        LISTS,
        ("filterd profile list", "filterd config check", CONTROL_LOG),
    ),
    "FilterdCategoryUnread": Runbook(
        "lines with such a profile get SERVFAIL, or with `dns.parental_fail: open` what the category would "
        "close.",
        "see why its lists were not read, mend that, and read them: `filterd feed update`.",
        "las líneas con ese perfil reciben SERVFAIL o, con `dns.parental_fail: open`, lo que la categoría "
        "cerraría.",
        "vea por qué no se leyeron sus listas, corríjalo y léalas: `filterd feed update`.",
        LISTS,
        ("filterd feed list", "filterd doctor", CONTROL_LOG),
    ),
    "FilterdLinesDiffer": Runbook(
        "lines that the node lacks are answered as strangers: orders hold, their own choices do not.",
        "mend the lag. Without one, restart the node: it reads all lines anew.",
        "las líneas que faltan se atienden como extrañas: rigen las órdenes, no lo que ellas eligieron.",
        "corrija el atraso. Si no lo hay, reinicie el nodo: lee todas las líneas de nuevo.",
        SYSTEM,
        (NODES, READY, RESOLVER_LOG),
    ),
    "FilterdControlUnreachable": Runbook(
        "DNS, orders, expiry and schedules go on. Lists are not renewed.",
        "start control; look at the owner of `resolver.sock` in `state_dir` where it runs.",
        "siguen el DNS, las órdenes, los vencimientos y los horarios. Las listas no se renuevan.",
        "inicie el control; si está en marcha, revise el dueño de `resolver.sock` en `state_dir`.",
        SYSTEM,
        (STATUS, CONTROL_LOG, "ls -l /var/lib/filterd"),
    ),
    "FilterdSessionsNotLoaded": Runbook(
        "sessions were lost with the disk, or control does not run. Known lines are not affected.",
        "start control. If it runs and lost its sessions, they come back within one interim interval: wait, "
        "or set `dns.parental_fail: open` meanwhile.",
        "se perdieron las sesiones con el disco, o no está en marcha el control. Las líneas conocidas "
        "siguen.",
        "inicie el control. Si está en marcha y perdió sus sesiones, vuelven en un intervalo de "
        "contabilidad: espere, o fije mientras tanto `dns.parental_fail: open`.",
        SYSTEM,
        (READY, "ls -l /var/lib/filterd/sessions", CONTROL_LOG),
    ),
    "FilterdSessionsSilent": Runbook(
        "sessions that are known stay so until their end; those that begin now are unknown.",
        "start control. The NAS sends its accounting again, or tells of each session with its next interim "
        "update.",
        "las sesiones conocidas siguen hasta su fin; las que empiezan ahora son desconocidas.",
        "inicie el control. El NAS repite su contabilidad, o informa de cada sesión en su siguiente "
        "actualización.",
        SYSTEM,
        (STATUS, "ls -l /var/lib/filterd/sessions.sock", CONTROL_LOG),
    ),
    "FilterdClockOff": Runbook(
        "orders begin and end at the wrong time; schedules and pauses are off.",
        "set the clock and keep it so (chrony, systemd-timesyncd). If it is right and the log says `clock "
        "failed`: `filterd snapshot build` takes it at its word.",
        "las órdenes empiezan y terminan a deshora; los horarios y las pausas no coinciden.",
        "ajuste el reloj y manténgalo así (chrony, systemd-timesyncd). Si está bien y el registro dice "
        "`clock failed`: `filterd snapshot build` lo acepta.",
        SYSTEM,
        ("timedatectl", count("filterd_clock_timestamp_seconds"), CONTROL_LOG),
    ),
    "FilterdVersionsDiffer": Runbook(
        "nothing is missing.",
        "finish the upgrade, or go back on all nodes.",
        "no falta nada.",
        "termine la actualización, o regrese en todos los nodos.",
        NOBODY,
        (NODES, STATUS, count("filterd_build_info")),
    ),
}
