/**
 * Countersigned chain heads: another node's word, under its own key, that a committed record of this chain was at this
 * place with this hash. A file whose end was cut off contradicts them, and whoever cut them off too is contradicted by the
 * heads in the other nodes' files. A key is made beside the journal on first use and never leaves its node.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { ClusterId, Epoch, JournalId, NodeId, Sequence, WallMs } from "@baton/core";
import { hasTable } from "./additions.ts";
import type { Db } from "./schema.ts";

/** What is signed. */
export interface ChainHead {
  readonly cluster: ClusterId;
  readonly epoch: Epoch;
  readonly sequence: Sequence;
  readonly hash: string;
}

/** One head under one node's key. */
export interface HeadRow extends Omit<ChainHead, "cluster"> {
  readonly node: NodeId;
  readonly journal: JournalId;
  readonly atWallMs: WallMs;
  /** DER (SPKI), base64. */
  readonly publicKey: string;
  /** Ed25519, base64. */
  readonly signature: string;
}

type Signer = Pick<HeadRow, "node" | "journal" | "atWallMs">;

/** So many heads of all nodes are kept, the newest. */
const headsKept = 4_096;

/** A node's key for heads. */
export class HeadKey {
  readonly #key: ReturnType<typeof createPrivateKey>;
  readonly publicKey: string;

  /** Reads the key beside a journal, or makes it. */
  constructor(journalFile: string) {
    const file = `${journalFile}.key`;
    if (!existsSync(file)) {
      const { privateKey } = generateKeyPairSync("ed25519");
      writeFileSync(file, privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600, flush: true });
    }
    this.#key = createPrivateKey(readFileSync(file));
    this.publicKey = createPublicKey(this.#key).export({ format: "der", type: "spki" }).toString("base64");
  }

  sign(head: ChainHead, by: Signer): HeadRow {
    const { epoch, sequence, hash } = head;
    const { node, journal, atWallMs } = by;
    const signature = sign(null, Buffer.from(headText(head, by)), this.#key).toString("base64");
    return { epoch, sequence, hash, node, journal, atWallMs, publicKey: this.publicKey, signature };
  }
}

/** Is the signature the one of its key? Whose key it is, a reader knows from the other heads of that node. */
export function isHeadGenuine(cluster: ClusterId, row: HeadRow): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(row.publicKey, "base64"), format: "der", type: "spki" });
    return verify(null, Buffer.from(headText({ ...row, cluster }, row)), key, Buffer.from(row.signature, "base64"));
  } catch {
    // A key that is none signs nothing.
    return false;
  }
}

/** Stores heads, each once, and lets the oldest go. Inside the writer's transaction. */
export function insertHeads(db: Db, heads: readonly HeadRow[]): void {
  const insert = db.prepare(
    `INSERT OR IGNORE INTO head (sequence, node, journal, epoch, hash, at_wall_ms, public_key, signature)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const h of heads) {
    insert.run(h.sequence, h.node, h.journal, h.epoch, h.hash, h.atWallMs, h.publicKey, h.signature);
  }
  db.prepare(
    "DELETE FROM head WHERE sequence < (SELECT sequence FROM head ORDER BY sequence DESC LIMIT 1 OFFSET ?)",
  ).run(headsKept);
}

/** The heads of a file, ascending; none in a file that is older than they are. */
export function readHeads(db: Db): readonly HeadRow[] {
  if (!hasTable(db, "head")) return [];
  return db
    .prepare<[], HeadRow>(
      `SELECT sequence, node, journal, epoch, hash, at_wall_ms AS atWallMs, public_key AS publicKey, signature
       FROM head ORDER BY sequence, node`,
    )
    .all();
}

function headText(head: ChainHead, by: Signer): string {
  const { cluster, epoch, sequence, hash } = head;
  return `baton head 1\n${cluster}\n${epoch} ${sequence} ${hash}\n${by.node} ${by.journal} ${by.atWallMs}`;
}
