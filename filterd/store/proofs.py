"""Statements about the origin of lists: files, proofs, serials, and keys that wait for another person.

The newest serial of each feed is noted in the ledger too (:meth:`~filterd.store.write.Write.raise_serial`),
so that no restored store takes an old list.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.records import AskedTrust, FeedSource, OriginProof
from filterd.store.feed_tables import feed_serial, feed_source, feed_trust
from filterd.store.write import Write


async def record_source(connection: AsyncConnection, feed: str, version: int, source: FeedSource) -> None:
    """Write down the file that a version of a feed was read from."""
    proof = source.proof or OriginProof(0, "", "")
    await connection.execute(
        insert(feed_source).values(
            feed=feed,
            version=version,
            path=source.path,
            size=source.size,
            owner=source.owner,
            serial=proof.serial,
            digest=proof.digest,
            signer=proof.signer,
        )
    )


async def sources(connection: AsyncConnection, feed: str) -> dict[int, FeedSource]:
    """The files of a feed's versions, by version; those that were read by an earlier filterd have none."""
    rows = await connection.execute(select(feed_source).where(feed_source.c.feed == feed))
    return {row.version: FeedSource(row.path, row.size, row.owner, _proof(row)) for row in rows}


async def newest(connection: AsyncConnection, feed: str) -> OriginProof | None:
    """The proof of the newest signed list that was taken of a feed; None: there is none."""
    row = (await connection.execute(select(feed_serial).where(feed_serial.c.feed == feed))).one_or_none()
    return None if row is None else _proof(row)


async def every_newest(connection: AsyncConnection) -> dict[str, OriginProof]:
    """The proof of the newest signed list of every feed that ever had one, by feed."""
    rows = await connection.execute(select(feed_serial).order_by(feed_serial.c.feed))
    return {row.feed: OriginProof(row.serial, row.digest, row.signer) for row in rows}


async def raise_newest(write: Write, feed: str, proof: OriginProof) -> None:
    """Make this the newest signed list of a feed, in the store and in the ledger."""
    await write.connection.execute(delete(feed_serial).where(feed_serial.c.feed == feed))
    await write.connection.execute(
        insert(feed_serial).values(
            feed=feed, serial=proof.serial, digest=proof.digest, signer=proof.signer, at=write.now
        )
    )
    write.raise_serial(feed, proof.serial, proof.digest)


async def asked_trust(connection: AsyncConnection, feed: str) -> AskedTrust | None:
    """The change of a feed's key that waits for another person; None: there is none."""
    row = (await connection.execute(select(feed_trust).where(feed_trust.c.feed == feed))).one_or_none()
    if row is None:
        return None
    return AskedTrust(row.feed, row.public_key, row.asked_by, row.asked_at, row.reason)


async def ask_trust(connection: AsyncConnection, asked: AskedTrust) -> None:
    """Let a change of a feed's key wait for another person, in place of the one that waited before."""
    await forget_asked_trust(connection, asked.feed)
    await connection.execute(
        insert(feed_trust).values(
            feed=asked.feed,
            public_key=asked.public_key,
            asked_by=asked.asked_by,
            asked_at=asked.asked_at,
            reason=asked.reason,
        )
    )


async def forget_asked_trust(connection: AsyncConnection, feed: str) -> None:
    """Drop the change of a feed's key that waits."""
    await connection.execute(delete(feed_trust).where(feed_trust.c.feed == feed))


def _proof(row: Any) -> OriginProof | None:
    return OriginProof(row.serial, row.digest, row.signer) if row.signer else None
