/**
 * What a line hears and what it asks for: its rules, the inputs that the shell reports, the effects that the shell
 * executes. `line.ts` decides; this page is the shell's half of the bargain.
 */
import type { MonoMs } from "../time.ts";
import type { BackoffRules } from "./backoff.ts";
import type { DisconnectCause, FeedState } from "./feed-state.ts";
import type { SubscriptionRequest, SubscriptionRules } from "./subscriptions.ts";

export interface LineRules extends SubscriptionRules {
  readonly connectWithinMs: number;
  /** After this a close handshake that the peer does not finish is cut. */
  readonly closeWithinMs: number;
  readonly pingEveryMs: number;
  readonly pongWithinMs: number;
  /** Some venues want a message of their own besides the protocol's ping, and answer it. */
  readonly heartbeat?: { readonly everyMs: number; readonly withinMs: number } | undefined;
  readonly backoff: BackoffRules;
  /** Uptime after which a loss no longer counts as one more failure in a row. */
  readonly stableAfterMs: number;
  /** Failures in a row after which the line is given up: an alert, and a slow probe for ever. */
  readonly giveUpAfter: number;
  /** Failures in a row after which the next of the line's endpoints is tried. */
  readonly switchAfter: number;
  readonly probeEveryMs: number;
  /** A connection is replaced at a random age between these, before the venue cuts it. */
  readonly rotateBetweenMs: readonly [number, number];
}

/** What is wanted of the line: streams by their venue names, and the books that must be aligned before it is live. */
export interface LineWants {
  readonly streams: ReadonlySet<string>;
  readonly books: ReadonlySet<string>;
}

/** Why a connection ended. */
export interface LineLoss {
  readonly cause: DisconnectCause;
  readonly sentence: string;
  /** The venue's own Retry-After: no attempt before it. */
  readonly retryAfterMs?: number | undefined;
}

export type LineInput =
  | { readonly type: "start" }
  /** Ends in good order, for good; why, when it is not our own end (`ours`). */
  | { readonly type: "stop"; readonly because?: LineLoss }
  | { readonly type: "wake" }
  /** The venue is known to answer again: whoever backs off need not wait any longer. The host's budget holds all the same. */
  | { readonly type: "hurry" }
  | { readonly type: "want"; readonly wants: LineWants }
  /** The attempt may not be made yet: the host's budget is spent. */
  | { readonly type: "denied"; readonly connection: number; readonly untilMono: MonoMs }
  | { readonly type: "opened"; readonly connection: number }
  /** The socket is gone, whether it had been open or not. */
  | ({ readonly type: "closed"; readonly connection: number } & LineLoss)
  /** `streams` where the venue answers for each stream of a request by itself. */
  | {
      readonly type: "acknowledged";
      readonly connection: number;
      readonly id: number;
      readonly streams?: readonly string[] | undefined;
      /** The request was refused because these stand already; its others are still to be asked for. */
      readonly asksRest?: boolean | undefined;
    }
  /** All streams that stand, where the venue answers every request so and names none. */
  | { readonly type: "standing"; readonly connection: number; readonly streams: readonly string[] }
  /** Let go of a stream and ask for it anew: its snapshot comes with its subscription. */
  | { readonly type: "renew"; readonly connection: number; readonly stream: string }
  | { readonly type: "refused"; readonly connection: number; readonly id: number | undefined; readonly why: string }
  | { readonly type: "pong"; readonly connection: number }
  /** The venue's answer to the heartbeat. */
  | { readonly type: "beat"; readonly connection: number }
  /** The first data of the connection. */
  | { readonly type: "data"; readonly connection: number }
  /** The venue's own list of what it believes we have subscribed. */
  | { readonly type: "listed"; readonly connection: number; readonly id: number; readonly streams: readonly string[] }
  | { readonly type: "aligned"; readonly connection: number; readonly book: string }
  | { readonly type: "unaligned"; readonly connection: number; readonly book: string; readonly sentence: string }
  /** Which data is too old now, in words; undefined when none is. */
  | { readonly type: "silence"; readonly connection: number; readonly sentence: string | undefined }
  /** Proof that the venue has data that this connection does not deliver. */
  | { readonly type: "stalled"; readonly connection: number; readonly sentence: string }
  /** The venue announced that it will close the connection. */
  | { readonly type: "shutdown"; readonly connection: number; readonly sentence: string };

export type LineEffect =
  /** Dials the endpoint with this index. */
  | { readonly type: "connect"; readonly connection: number; readonly endpoint: number }
  | { readonly type: "send"; readonly connection: number; readonly request: SubscriptionRequest }
  | { readonly type: "ping" | "heartbeat"; readonly connection: number }
  /** Closes in good order (code 1000). */
  | { readonly type: "close"; readonly connection: number }
  /** Cuts the socket. Nothing that it still says counts. */
  | { readonly type: "terminate"; readonly connection: number }
  /**
   * The connection will end soon (its age, or the venue said so): put another line in its place and `stop` this one with
   * the same words once that one is live. Told once; until then this one goes on.
   */
  | ({ readonly type: "replace"; readonly connection: number } & LineLoss)
  /** All streams are acknowledged: fetch the snapshots and look for trades that were missed. */
  | { readonly type: "subscribed"; readonly connection: number }
  /** Data of this connection ends here: books are void, ages go on. */
  | { readonly type: "lost"; readonly connection: number; readonly cause: DisconnectCause; readonly sentence: string }
  | { readonly type: "moved"; readonly from: FeedState; readonly to: FeedState; readonly sentence: string }
  | { readonly type: "gave-up"; readonly failures: number; readonly sentence: string }
  /** The one timer of the line; replaces the last one. Undefined: no timer. */
  | { readonly type: "wake-at"; readonly atMono: MonoMs | undefined };

/** Time and chance, drawn by the shell for each step; `random` is uniform in [0, 1). */
export interface LineMoment {
  readonly nowMono: MonoMs;
  readonly random: number;
}
