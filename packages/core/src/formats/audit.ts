/**
 * The record format of an exchange's audit log: what the venue really received and did. It is the truth of every
 * checker. One JSON object a line, `n` counts from 1 without a hole, a record is written before its effect leaves.
 */
import type { Decimal } from "../decimal.ts";

/** What every record carries. `monoMs` is CLOCK_MONOTONIC in ms, comparable with other processes of the machine. */
export interface AuditBase {
  readonly n: number;
  readonly monoMs: number;
  readonly wallMs: number;
  /** The venue's name, where it has one: two that run at once are told apart by it. */
  readonly venue?: string;
}

/** Whose request it was and which order it concerns; fields that a record's kind does not have are absent. */
export interface AuditOrderFields {
  readonly apiKey?: string;
  readonly account?: string;
  /** Remote address of the request, `ip:port`. */
  readonly source?: string;
  /** The venue's symbol, e.g. `BTCUSDT`. */
  readonly symbol?: string;
  readonly side?: "BUY" | "SELL";
  /** In `recv` and `accept`: the order's type, e.g. `LIMIT`. */
  readonly orderType?: string;
  readonly timeInForce?: string;
  readonly quantity?: Decimal;
  readonly price?: Decimal;
  readonly clientOrderId?: string;
  readonly orderId?: number;
}

/** A request reached the exchange (before any check or fault decided its fate). `call` is e.g. `order.place`, `order.cancel`. */
export interface AuditRecv extends AuditBase, AuditOrderFields {
  readonly type: "recv";
  readonly call: string;
  /** The signed `timestamp` in ms, as sent. */
  readonly timestamp?: number;
  /** The signed `recvWindow` in ms, as sent or the venue's default. */
  readonly recvWindow?: number;
  /** SHA-256 of the signed text, hex. */
  readonly bodyHash?: string;
}

/** The order exists from here on. `recvN` is the `n` of the request's `recv`. */
export interface AuditAccept extends AuditBase, AuditOrderFields {
  readonly type: "accept";
  readonly recvN: number;
}

/** The request was refused and changed nothing. */
export interface AuditReject extends AuditBase, AuditOrderFields {
  readonly type: "reject";
  readonly call: string;
  readonly code: number;
  readonly message: string;
  readonly recvN?: number;
}

/** A client's order traded; `price` and `quantity` are the trade's. */
export interface AuditFill extends AuditBase, AuditOrderFields {
  readonly type: "fill";
  readonly tradeId: number;
  readonly isMaker: boolean;
  readonly commission?: Decimal;
  readonly commissionAsset?: string;
}

/** A client's order was cancelled; `recvN` names the request, if one asked for it. */
export interface AuditCancel extends AuditBase, AuditOrderFields {
  readonly type: "cancel";
  /** What made the venue cancel: a request, or its own reasons (a countdown that ran out, a stream that was lost). */
  readonly cause: "request" | "cancel-all" | "fault" | "dead-mans-switch" | "disconnect";
  readonly recvN?: number;
}

/** A client's order ended by its own terms. */
export interface AuditExpire extends AuditBase, AuditOrderFields {
  readonly type: "expire";
  readonly cause: string;
}

/**
 * What became of the answer to an order-changing request: handed to the socket whole (`ack-written`, with the HTTP
 * status), or not (`ack-failed`: lost, cut, replaced or never sent by a fault, or the peer had gone).
 */
export interface AuditAck extends AuditBase, AuditOrderFields {
  readonly type: "ack-written" | "ack-failed";
  readonly call: string;
  readonly status: number;
  readonly recvN: number;
  /** Of `ack-failed`. */
  readonly cause?: string;
}

/**
 * A request of any kind was answered 429 or 418, by the limits or by a fault: until `retryAfterSeconds` have passed the same
 * key should be silent.
 */
export interface AuditThrottled extends AuditBase, AuditOrderFields {
  readonly type: "throttled";
  readonly call: string;
  readonly status: number;
  readonly retryAfterSeconds: number;
}

/** A signed question; `found` where it asked for one order, `lagMs` when a fault made it answer an older state. */
export interface AuditQuery extends AuditBase, AuditOrderFields {
  readonly type: "query";
  readonly call: string;
  readonly found?: boolean;
  readonly lagMs?: number;
}

/** A stream was subscribed or left, or its connection ended (`closed`). */
export interface AuditSub extends AuditBase, AuditOrderFields {
  readonly type: "sub";
  readonly stream: string;
  readonly action: "subscribe" | "unsubscribe" | "closed";
}

/** A dead man's switch was set (`dms-arm`; `timeoutMs` 0 takes it back), or ran out (`dms-fire`, before its cancels). */
export interface AuditDeadMansSwitch extends AuditBase, AuditOrderFields {
  readonly type: "dms-arm" | "dms-fire";
  /** Of `dms-arm`. */
  readonly timeoutMs?: number;
  readonly recvN?: number;
}

/** A trade of a client's was taken back: the money went back, and the account's trades no longer have it. */
export interface AuditBust extends AuditBase, AuditOrderFields {
  readonly type: "bust";
  readonly tradeId: number;
}

/** Money came to an account from outside, or left it (`amount` below 0). */
export interface AuditTransfer extends AuditBase, AuditOrderFields {
  readonly type: "transfer";
  readonly asset: string;
  readonly amount: Decimal;
}

/** Of an exchange that mirrors a live venue: its view of one market has become true, or is true no more (`cause`). */
export interface AuditMirror extends AuditBase, AuditOrderFields {
  readonly type: "mirror-live" | "mirror-stale";
  /** Of `mirror-live`: the live venue's. */
  readonly updateId?: number;
  /** Of `mirror-stale`. */
  readonly cause?: string;
}

/** The best prices of a market are others than before, as of this update of its book; a side that is absent is empty. */
export interface AuditPrice extends AuditBase, AuditOrderFields {
  readonly type: "price";
  readonly updateId: number;
  readonly bid?: Decimal;
  readonly ask?: Decimal;
}

/** A fault was armed, began (where it was announced ahead), struck, or was taken away. `faultId` joins them. */
export interface AuditFault extends AuditBase, AuditOrderFields {
  readonly type: "fault-armed" | "fault-begun" | "fault" | "fault-cleared";
  readonly fault: string;
  readonly point: string;
  readonly faultId?: number;
  /** Of `fault`: the call or stream that it struck. */
  readonly call?: string;
  /** Of `fault`: the `recv` that it struck. */
  readonly recvN?: number;
  /** Of `fault`: the stream that it struck, `user` for account events. */
  readonly stream?: string;
  /** Of `fault`: the stream connection that it struck, counted from 1. */
  readonly connection?: number;
  /** Of `fault`: what the struck message told: a trade id, or its first and last update id. */
  readonly ids?: readonly number[];
}

export type AuditRecord =
  | AuditRecv
  | AuditAccept
  | AuditReject
  | AuditFill
  | AuditCancel
  | AuditExpire
  | AuditAck
  | AuditQuery
  | AuditThrottled
  | AuditSub
  | AuditDeadMansSwitch
  | AuditBust
  | AuditTransfer
  | AuditMirror
  | AuditPrice
  | AuditFault;
