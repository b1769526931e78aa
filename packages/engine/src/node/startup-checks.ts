/**
 * What must fit before a node may start: Node itself, and a wall clock that is plausible. SQLite is checked by the
 * journal, timing against etcd by the cluster room, the venue's clock once it answers. Each refusal names the number.
 */

import { nodeMajorMin } from "@baton/core";

/** This machine or its software does not fit; the sentence says what is there and what is needed. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
  readonly code: string;
  constructor(code: string, sentence: string) {
    super(sentence);
    this.code = code;
  }
}

// This file was written after it; a wall clock before it is wrong, and venues would refuse every signature.
const wallMinMs = Date.UTC(2026, 0, 1);

/** Throws `StartRefused` for a Node below 24 or a wall clock before 2026. */
export function checkMachine(o: { readonly nodeVersion: string; readonly wallMs: number }): void {
  const major = Number(o.nodeVersion.replace(/^v/, "").split(".")[0]);
  if (!(major >= nodeMajorMin)) {
    throw new StartRefused("node-version", `Node ${o.nodeVersion} runs this; Baton needs ${nodeMajorMin} or newer`);
  }
  if (o.wallMs < wallMinMs) {
    const shown = new Date(o.wallMs).toISOString();
    throw new StartRefused("wall-clock", `the wall clock says ${shown}; it must be later than 2026-01-01`);
  }
}
