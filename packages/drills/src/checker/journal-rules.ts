/**
 * What must hold of the journals: each one's hash chain, agreement on every committed record, and every slice of a parent
 * executed once or recorded as not executed. Invariants I13 and I19.
 */
import { createHash } from "node:crypto";
import { fixedSlices, frameFault } from "@baton/core";
import type { IntentId, ParentRecorded } from "@baton/core";
import type { Finding, JournalEvidence } from "./evidence.ts";
import type { Story } from "./story.ts";

/**
 * Hash chains verify, and the surviving leader holds, text for text, all that any node knows committed: a record that was
 * committed once and is missing at the end of its journal is lost, even if nothing stands in its place.
 */
export function journalsAgree(story: Story): Finding[] {
  const findings = story.evidence.journals.flatMap((journal): Finding[] => {
    const fault = chainFault(journal);
    return fault === undefined
      ? []
      : [{ rule: "journals-agree", sentence: `journal of ${journal.node}: ${fault}`, records: [journal.file] }];
  });
  const { survivor } = story;
  if (survivor === undefined) return findings;
  for (const journal of story.evidence.journals) {
    if (journal === survivor) continue;
    const until = journal.committed;
    const from = Math.max(journal.pruned.sequence, survivor.pruned.sequence) + 1;
    for (let sequence = from; sequence <= until; sequence++) {
      const [here, there] = [textAt(journal, sequence), textAt(survivor, sequence)];
      if (here === there) continue;
      const what =
        there === undefined
          ? `is committed at ${journal.node} and missing in the journal of ${survivor.node}`
          : `is committed at ${journal.node} and differs from that of ${survivor.node}`;
      findings.push({ rule: "journals-agree", sentence: `record ${sequence} ${what}`, records: [here, there] });
      break;
    }
  }
  return findings;
}

function textAt(journal: JournalEvidence, sequence: number): string | undefined {
  return journal.texts[sequence - journal.pruned.sequence - 1];
}

function chainFault(journal: JournalEvidence): string | undefined {
  let after = journal.pruned;
  for (const frame of journal.frames) {
    const texts: string[] = [];
    for (let sequence = frame.first; sequence <= frame.last; sequence++) {
      const text = textAt(journal, sequence);
      if (text === undefined) return `record ${sequence} is missing`;
      texts.push(text);
    }
    const fault = frameFault(after, { ...frame, body: texts.join("\n") }, sha256);
    if (fault !== undefined) return `the frame of records ${frame.first} to ${frame.last} ${fault}`;
    after = { sequence: frame.last, hash: frame.hash };
  }
  const count = journal.pruned.sequence + journal.texts.length;
  if (after.sequence !== count) return `${count} records, frames for ${after.sequence}`;
  if (journal.committed > count) return `says it committed ${journal.committed} of ${count} records`;
  return undefined;
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** How the slices of all parents ended. `skipped`: on record as not executed, or executed nowhere. */
export interface SliceCount {
  readonly slices: number;
  readonly done: number;
  readonly repeated: number;
  readonly skipped: number;
}

/** Each slice of each parent has exactly one child, or a record that says why it has none. */
export function slicesOnce(story: Story): { findings: Finding[]; count: SliceCount } {
  const events = story.survivor?.events ?? [];
  const accepted = new Set(story.orders.map((order) => order.intent));
  const findings: Finding[] = [];
  const count = { slices: 0, done: 0, repeated: 0, skipped: 0 };
  for (const parent of events.filter((event) => event.kind === "parent.recorded")) {
    const ended = events.find((event) => event.kind === "parent.ended" && event.parent === parent.parent);
    const skips = new Set(
      events.flatMap((event) => (event.kind === "slice.skipped" && event.parent === parent.parent ? event.slice : [])),
    );
    const children = Map.groupBy(childrenOf(story, parent), ({ slice }) => slice);
    const numbers = new Set([...children.keys(), ...skips]);
    // Where slices come one by one, those are planned that have come.
    const planned = fixedSlices(parent.algorithm) ?? numbers.size;
    count.slices += planned;
    for (const [slice, intents] of children) {
      const wereAccepted = intents.filter(({ intent }) => accepted.has(intent));
      if (wereAccepted.length > 0) count.done++;
      else count.skipped++;
      if (intents.length > 1 || (skips.has(slice) && wereAccepted.length > 0)) {
        count.repeated++;
        findings.push(
          sliceFinding(parent, `slice ${slice} was executed and executed again or recorded as not executed`),
        );
      }
    }
    for (const slice of skips) if (!children.has(slice)) count.skipped++;
    const missing = planned - numbers.size;
    // A parent that was cancelled, killed or is still running may have slices to which it never came.
    const isDone = ended?.kind === "parent.ended" && ended.reason === "done";
    if (missing < 0) findings.push(sliceFinding(parent, `has ${-missing} slices too many`));
    if (missing <= 0) continue;
    count.skipped += missing;
    if (isDone)
      findings.push(sliceFinding(parent, `ended as done with ${missing} slices neither executed nor skipped`));
    if (ended === undefined) findings.push(sliceFinding(parent, `has not ended, ${missing} slices are open`));
  }
  return { findings, count };
}

function childrenOf(story: Story, parent: ParentRecorded): { intent: IntentId; slice: number }[] {
  return [...story.intents.values()].flatMap(({ recorded }) =>
    recorded.parent === parent.parent && recorded.slice !== undefined
      ? [{ intent: recorded.intent, slice: recorded.slice }]
      : [],
  );
}

function sliceFinding(parent: ParentRecorded, what: string): Finding {
  return { rule: "slices-once", sentence: `${parent.parent}: ${what}`, records: [parent] };
}
