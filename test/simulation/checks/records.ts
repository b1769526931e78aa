/**
 * What lies in which journal, as those outside know it: every frame that was ever sealed, by its hash; which client order
 * ids it holds; and whether a disk or a process holds it now. Frames are read once, when they are sealed.
 */
import { decodeEvent } from "@baton/core";
import type { Frame, JournalEvent, Sequence } from "@baton/core";

export interface SealedFrame {
  readonly frame: Frame;
  readonly events: readonly JournalEvent[];
}

export class Records {
  readonly #frames = new Map<string, SealedFrame>();
  readonly #byClientOrderId = new Map<string, Frame[]>();

  sealed(frame: Frame): SealedFrame {
    const events = frame.body.split("\n").map((text) => decodeEvent(text));
    const read = { frame, events };
    this.#frames.set(frame.hash, read);
    for (const event of events) {
      if (event.kind !== "intent.recorded" && event.kind !== "attempt.recorded") continue;
      const known = this.#byClientOrderId.get(event.clientOrderId);
      if (known === undefined) this.#byClientOrderId.set(event.clientOrderId, [frame]);
      else known.push(frame);
    }
    return read;
  }

  /** Whether these are the bytes that were sealed under their hash. */
  isAsSealed(frame: Frame): boolean {
    const sealed = this.#frames.get(frame.hash)?.frame;
    return sealed === frame || sealed?.body === frame.body;
  }

  /** The frame as it was sealed, whatever has become of it on a disk. */
  asSealed(frame: Frame): Frame {
    return this.#frames.get(frame.hash)?.frame ?? frame;
  }

  eventsOf(hash: string): readonly JournalEvent[] {
    return this.#frames.get(hash)?.events ?? [];
  }

  /** The frame of these that records this client order id; undefined when none does. */
  frameOf(clientOrderId: string, frames: readonly Frame[]): Frame | undefined {
    return this.#byClientOrderId.get(clientOrderId)?.find((frame) => holds(frames, frame));
  }
}

/** Whether this list of frames has exactly this frame. */
export function holds(frames: readonly Frame[], frame: Frame): boolean {
  const found = frames[indexAt(frames, frame.last)];
  return found?.hash === frame.hash;
}

/** Index of the frame that ends at or after `sequence`. */
export function indexAt(frames: readonly Frame[], sequence: Sequence): number {
  let low = 0;
  let high = frames.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((frames[middle]?.last ?? 0) >= sequence) high = middle;
    else low = middle + 1;
  }
  return low;
}
