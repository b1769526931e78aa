/**
 * Kills that were told to this node itself, whoever leads and whether or not etcd answers: they are on its own disk before
 * they are acknowledged, in force from then on (a node that becomes the leader starts with them), and forgotten when etcd
 * has heard of them. So a kill is lowered by etcd alone. For operators: `baton kill --direct`.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import type { KillScope, KillState } from "@baton/core";
import { killText, killScopesSchema, scopesOf, wallMs, withKill } from "@baton/core";
import { wallNow } from "../clock.ts";

const fileName = "kills.json";

const off: KillState = { level: "off", by: "", reason: "", atWallMs: wallMs(0), scopes: [] };

export class LocalKills {
  readonly #file: string;
  #state: KillState;

  /** Reads what an earlier boot was told. A file that cannot be read kills the cluster: nobody knows what it said. */
  constructor(dataDir: string) {
    this.#file = join(dataDir, fileName);
    this.#state = this.#read();
  }

  /** What this node was told and etcd has not confirmed; each scope `isLocal`. */
  get state(): KillState {
    return this.#state;
  }

  /** On the disk when it returns; throws where it cannot be written. The same target again changes nothing. */
  add(scope: KillScope): void {
    const next = withKill(this.#state, { ...scope, isLocal: true });
    if (next === this.#state) return;
    this.#write(scopesOf(next));
    this.#state = next;
  }

  /** Etcd has it: from here on it is etcd's to lower. */
  told(scope: KillScope): void {
    const left = scopesOf(this.#state).filter((each) => killText(each) !== killText(scope));
    if (left.length === scopesOf(this.#state).length) return;
    this.#write(left);
    this.#state = left.reduce(withKill, off);
  }

  #read(): KillState {
    if (!existsSync(this.#file)) return off;
    try {
      const scopes = killScopesSchema.parse(JSON.parse(readFileSync(this.#file, "utf8")));
      return scopes.reduce((state, scope) => withKill(state, { ...scope, isLocal: true }), off);
    } catch (error) {
      const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
      const reason = `${this.#file} cannot be read (${why}): nobody knows what was killed`;
      return withKill(off, { level: "cluster", by: "baton", reason, atWallMs: wallNow(), isLocal: true });
    }
  }

  #write(scopes: readonly KillScope[]): void {
    mkdirSync(dirname(this.#file), { recursive: true });
    const next = `${this.#file}.next`;
    const file = openSync(next, "w", 0o600);
    try {
      writeSync(file, `${JSON.stringify(scopes)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, this.#file);
    const folder = openSync(dirname(this.#file), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}
