/**
 * The orderly end of a node's part: a leader hands over to a standby that is fit; a standby asks its leader to take it out
 * of the in-sync set and goes once it is out, so that no order ever waits for a node that was stopped on purpose. Both have
 * a bound: whoever cannot leave in order goes anyway, as if it had died. A leader that is the last of its cluster, as when
 * every host is stopped at once, waits for nobody.
 */
import type { BootId, OperationId } from "@baton/core";
import { hasPossibleSuccessor, id } from "@baton/core";
import { monoNow } from "../clock.ts";
import { pause } from "../desk/pause.ts";
import type { Leadership } from "../leadership.ts";

export interface LeavingPorts {
  readonly leadership: Pick<Leadership, "leading" | "state" | "feed" | "requestRead">;
  readonly boot: BootId;
  /** Tells every peer of it again. */
  readonly tell: () => void;
  readonly withinMs: number;
}

const lookEveryMs = 5;
const askEveryMs = 200;
const tellEveryMs = 50;
/** A leader answers within a round trip to etcd, or not at all. */
const standbyWithinMs = 1_000;
/** A standby that stops with its leader needs a moment to say so, and one that has just started to say that it is there. */
const aloneForMs = 1_000;

/** Resolves when this node may go. */
export async function leaveInOrder(o: LeavingPorts): Promise<void> {
  const { leadership, boot } = o;
  const began = monoNow();
  const operation = id<OperationId>(`stop-${boot}`);
  let asked = Number.NEGATIVE_INFINITY;
  let told = Number.NEGATIVE_INFINITY;
  let readSince = false;
  let accompanied = began;
  while (monoNow() - began < o.withinMs) {
    const now = monoNow();
    const role = leadership.leading;
    if (role !== undefined) {
      if (hasPossibleSuccessor(leadership.state)) accompanied = now;
      if (now - accompanied > aloneForMs) return;
      if (role.hold === undefined && now - asked > askEveryMs) {
        asked = now;
        leadership.feed({ kind: "switchover", operation, to: undefined, reason: "switchover" });
      }
    } else {
      if (!isMember(leadership) || !isLed(leadership) || now - began > standbyWithinMs) return;
      if (now - told > tellEveryMs) {
        told = now;
        o.tell();
        // The leader's transaction wakes the watch; a read of our own finds it also where the watch is late.
        if (readSince) leadership.requestRead();
        readSince = true;
      }
    }
    await pause(lookEveryMs);
  }
}

function isMember(leadership: LeavingPorts["leadership"]): boolean {
  const { view, me } = leadership.state;
  return view?.insync?.value.members.some((each) => each.node === me.node && each.journal === me.journal) ?? false;
}

function isLed(leadership: LeavingPorts["leadership"]): boolean {
  return leadership.state.view?.leader !== undefined;
}
