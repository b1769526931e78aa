/**
 * What must hold of what an engine believed: "not accepted" is believed only after the time from which it can be known
 * (the request's signed window, the venue's processing bound and the lag of its queries have all passed). Invariant I10.
 */
import type { AttemptAnswered, AuditFault, AuditRecord, DoubtResolved, JournalEvent } from "@baton/core";
import type { Finding } from "./evidence.ts";
import type { IntentStory, Story } from "./story.ts";

/** No doubt ends as "not accepted" by a question before its proof time; a refusal by the venue itself needs no time. */
export function provedInTime(story: Story): Finding[] {
  const { processingBoundMs, queryLagMs } = story.evidence.times;
  if (processingBoundMs === undefined || queryLagMs === undefined) return [];
  return [...story.intents].flatMap(([intent, told]): Finding[] =>
    told.events.filter(isAbsence).flatMap((resolved): Finding[] => {
      if (isRefusedLate(story, told, resolved)) return [];
      const sent = lastSentWallMs(told, resolved, story.evidence.times.validityMs);
      const earliest = sent + processingBoundMs + queryLagMs;
      if (resolved.atWallMs >= earliest) return [];
      return [
        {
          rule: "proved-in-time",
          sentence: `${intent} was called not accepted ${Math.round(earliest - resolved.atWallMs)} ms before that could be known`,
          records: told.events,
        },
      ];
    }),
  );
}

function isAbsence(event: JournalEvent): event is DoubtResolved {
  return event.kind === "doubt.resolved" && event.by === "venue" && event.resolution.kind === "not-accepted";
}

/** The venue's log has a refusal of this very order, its own or a made one: its late answer is evidence whenever it comes. */
function isRefusedLate(story: Story, told: IntentStory, resolved: DoubtResolved): boolean {
  const clientOrderId = told.clientOrderIds[resolved.attempt - 1];
  const asked = new Set(
    story.places.filter(({ recv }) => recv.clientOrderId === clientOrderId).map(({ recv }) => recv.n),
  );
  return story.evidence.audit.some((record) => {
    if (record.wallMs > resolved.atWallMs) return false;
    if (record.type === "reject") return record.clientOrderId === clientOrderId;
    return isRefusal(record) && asked.has(record.recvN ?? 0);
  });
}

/** Of the faults this one answers, before the order is taken, what an exchange answers that will not take it any more. */
function isRefusal(record: AuditRecord): record is AuditFault {
  return record.type === "fault" && record.fault === "error-1021" && record.point === "before-accept";
}

/** The end of the window of the attempt: by its stamp, else by when it was recorded, which no sending precedes. */
function lastSentWallMs(told: IntentStory, resolved: DoubtResolved, validityMs: number): number {
  const answer = told.events.find(
    (event): event is AttemptAnswered => event.kind === "attempt.answered" && event.attempt === resolved.attempt,
  );
  const stamp = answer !== undefined && "stamp" in answer.outcome ? answer.outcome.stamp : undefined;
  if (stamp !== undefined) return stamp.sentWallMs + stamp.validityMs;
  const again = told.events.find((event) => event.kind === "attempt.recorded" && event.attempt === resolved.attempt);
  const recorded = again?.kind === "attempt.recorded" ? again.atWallMs : told.recorded.atWallMs;
  return recorded + validityMs;
}
