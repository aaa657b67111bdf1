"""Runbooks of the alerts on checkpoints, keys that sign, anchors and statements."""

from __future__ import annotations

from monitoring.source.runbook_form import CONTROL_LOG, LEGAL, SYSTEM, Runbook, count

TRAIL = {
    "FilterdCheckpointRefused": Runbook(
        "DNS and orders go on. Nothing new is signed, so evidence since the last checkpoint rests on this "
        "machine alone.",
        "`filterd doctor` says what does not agree. Where it is a checkpoint: copy the store file away as "
        "evidence, and run `filterd audit verify`. Where an older store was put there, put the newest one "
        "back, or take it into use with `filterd restore`, so that the trail tells. Where it is the key: "
        "give `state_dir/keys` back to the service.",
        "el DNS y las órdenes siguen. Nada nuevo se firma, así que la prueba desde el último punto de "
        "control descansa solo en esta máquina.",
        "`filterd doctor` dice qué no concuerda. Si es un punto de control: copie aparte el archivo del "
        "almacén como evidencia y corra `filterd audit verify`. Si alguien puso un almacén anterior, reponga "
        "el más nuevo o póngalo en uso con `filterd restore`, para que conste. Si es la clave: devuelva "
        "`state_dir/keys` al servicio.",
        LEGAL,
        ("filterd doctor", "filterd audit verify", CONTROL_LOG),
    ),
    "FilterdSigningKeyReplaced": Runbook(
        "what is signed now is signed by a key that nobody outside knows.",
        "`filterd key list --signing` names it. Find out whether the file was lost, damaged (it stands "
        "beside it as `.damaged-N`) or swapped by somebody. Put the earlier file back where you have it. "
        "Else accept the new one, `filterd key accept ID --reason ...`, publish it, and tell those who "
        "verify.",
        "lo que se firma ahora lo firma una clave que nadie afuera conoce.",
        "`filterd key list --signing` la nombra. Averigüe si el archivo se perdió, se dañó (queda al lado "
        "como `.damaged-N`) o alguien lo cambió. Reponga el anterior si lo tiene. Si no, acepte la nueva, "
        "`filterd key accept ID --reason ...`, publíquela y avise a quien verifica.",
        LEGAL,
        ("filterd key list --signing", CONTROL_LOG, count("filterd_signing_keys_unexplained")),
    ),
    "FilterdCheckpointLate": Runbook(
        "the trail goes on; an outsider can be shown nothing newer than the last checkpoint.",
        "See whether control runs, and what its log says. By hand: `filterd audit checkpoint --sign`.",
        "el registro de auditoría sigue; a alguien de fuera no se le puede mostrar nada posterior al último "
        "punto de control.",
        "Vea si control corre y qué dice su registro. A mano: `filterd audit checkpoint --sign`.",
        SYSTEM,
        ("filterd audit checkpoints", CONTROL_LOG, count("filterd_checkpoint_uncovered_entries")),
    ),
    "FilterdAnchorFails": Runbook(
        "checkpoints go on; this anchor has none of the newest, which the next success makes good.",
        "`filterd audit anchors` says why. A file: room on its disk, and its owner. A time-stamp authority: "
        "its address, its certificates in `ca`, its clock. Then wait, it is tried again within the hour.",
        "los puntos de control siguen; a esta ancla le faltan los más nuevos, lo que el próximo éxito "
        "compensa.",
        "`filterd audit anchors` dice por qué. Un archivo: espacio en su disco y su dueño. Una autoridad de "
        "sellado de tiempo: su dirección, sus certificados en `ca`, su reloj. Luego espere: se intenta de "
        "nuevo dentro de una hora.",
        SYSTEM,
        ("filterd audit anchors", CONTROL_LOG, count("filterd_anchor_failures")),
    ),
    "FilterdStatementLate": Runbook(
        "the public page shows an older day.",
        "See control's log. By hand: `filterd audit statement --sign`.",
        "la página pública muestra un día anterior.",
        "Vea el registro de control. A mano: `filterd audit statement --sign`.",
        SYSTEM,
        ("filterd audit statement", CONTROL_LOG, count("filterd_statement_timestamp_seconds")),
    ),
}
