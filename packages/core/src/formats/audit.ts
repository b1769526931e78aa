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
  readonly type?: string;
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

export type AuditRecord =
  | AuditRecv
  | (AuditBase & AuditOrderFields & { readonly type: "accept"; readonly recvN: number })
  | (AuditBase &
      AuditOrderFields & {
        readonly type: "reject";
        readonly call: string;
        readonly code: number;
        readonly message: string;
      })
  | (AuditBase & AuditOrderFields & { readonly type: "fill"; readonly tradeId: number; readonly isMaker: boolean })
  | (AuditBase & AuditOrderFields & { readonly type: "cancel"; readonly cause: "request" | "cancel-all" | "fault" })
  | (AuditBase & AuditOrderFields & { readonly type: "expire"; readonly cause: string })
  | (AuditBase &
      AuditOrderFields & {
        readonly type: "ack-written" | "ack-failed";
        readonly call: string;
        readonly status: number;
        readonly recvN: number;
      })
  | (AuditBase & AuditOrderFields & { readonly type: "query"; readonly call: string; readonly found?: boolean })
  | (AuditBase &
      AuditOrderFields & {
        readonly type: "sub";
        readonly stream: string;
        readonly action: "subscribe" | "unsubscribe" | "closed";
      })
  | (AuditBase &
      AuditOrderFields & { readonly type: "fault-armed" | "fault"; readonly fault: string; readonly point: string });
