/**
 * Parent orders over HTTP: what is asked with `algo` (`POST /v1/orders`), what a person may do to a working one
 * (`POST /v1/orders/:id`), and how one is shown. What a request leaves open (a volume profile, a smallest slice) is filled
 * in by the leader and is on record from then on.
 */
import { z } from "zod";
import type { Direction } from "../algorithms/parent.ts";
import { compare, decimal, minimum, parseDecimal, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { AlgorithmParameters } from "../formats/algorithms.ts";
import type { IntentId, ParentId, SymbolId, VenueId } from "../ids.ts";
import { slicesMax } from "../orders/refusal.ts";
import type { InstrumentRules, Side } from "../orders/terms.ts";
import { refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import { decimalText, positive, reasonText, sideSchema, symbolSchema, venueSchema, whole } from "./fields.ts";
import { checkBody } from "./problem.ts";
import type { Checked } from "./problem.ts";

interface Common {
  readonly venue?: VenueId;
  readonly symbol: SymbolId;
  readonly side: Side;
  readonly quantity: Decimal;
  /** Why it is wanted; stands on record with it. */
  readonly reason?: string;
}

interface Taking {
  readonly aggressionBps: number;
  readonly limitPrice?: Decimal;
}

/** A TWAP parent order: `slices` children over `durationMs`. */
export interface TwapRequest extends Common, Taking {
  readonly algo: "twap";
  readonly slices: number;
  readonly durationMs: number;
  readonly participationMax?: Decimal;
}

/** VWAP: `weights`, one per slice, or `slices` and the profile is what the leader's feed saw over as long before. */
export interface VwapRequest extends Common, Taking {
  readonly algo: "vwap";
  readonly weights?: readonly Decimal[];
  readonly slices?: number;
  readonly durationMs: number;
  readonly participationMax?: Decimal;
}

/** POV: a share of the volume that trades, until the quantity or the time is used up. */
export interface PovRequest extends Common, Taking {
  readonly algo: "pov";
  readonly participation: Decimal;
  readonly durationMs: number;
  readonly intervalMs: number;
  /** Default: the venue's minimum. */
  readonly sliceMin?: Decimal;
}

/** One resting child of `display` at a time. */
export interface IcebergRequest extends Common {
  readonly algo: "iceberg";
  readonly display: Decimal;
  readonly limitPrice: Decimal;
  readonly timeInForce: "GTC" | "GTX";
}

/** Two ways out of a position; `side` is the side of the exits. */
export interface OcoRequest extends Common {
  readonly algo: "oco";
  readonly takePrice: Decimal;
  readonly stopPrice: Decimal;
  readonly aggressionBps: number;
}

/** An entry and two ways out of it; without `entryPrice` the entry is a market order. */
export interface BracketRequest extends Common {
  readonly algo: "bracket";
  readonly entryPrice?: Decimal;
  readonly timeInForce?: "GTC" | "IOC" | "FOK" | "GTX";
  readonly takePrice: Decimal;
  readonly stopPrice: Decimal;
  readonly aggressionBps: number;
}

export type ParentRequest = TwapRequest | VwapRequest | PovRequest | IcebergRequest | OcoRequest | BracketRequest;

const common = {
  ...{ venue: z.exactOptional(venueSchema), symbol: symbolSchema, side: sideSchema, quantity: positive() },
  reason: z.exactOptional(reasonText()),
};
const aggressionBps = whole(0, 1_000).default(10);
const taking = { aggressionBps, limitPrice: z.exactOptional(positive()) };
const durationMs = whole(100, 86_400_000);
const share = (): z.ZodType<Decimal> =>
  positive().refine((value) => compare(value, decimal(1)) <= 0, "must be above 0 and at most 1");
const weight = z
  .string("must be a decimal as a string")
  .refine((value) => parseDecimal(value)?.startsWith("-") === false, "must be a decimal, 0 or above")
  .overwrite((value) => parseDecimal(value) ?? value) as unknown as z.ZodType<Decimal>;

const names = ["twap", "vwap", "pov", "iceberg", "oco", "bracket"] as const;

/** By the name of the algorithm. */
const schemas = {
  twap: z.strictObject({
    algo: z.literal("twap"),
    ...common,
    ...taking,
    slices: whole(1, slicesMax),
    durationMs,
    participationMax: z.exactOptional(share()),
  }),
  vwap: z
    .strictObject({
      algo: z.literal("vwap"),
      ...common,
      ...taking,
      weights: z.exactOptional(z.array(weight).min(1).max(slicesMax)),
      slices: z.exactOptional(whole(1, slicesMax)),
      durationMs,
      participationMax: z.exactOptional(share()),
    })
    .superRefine(({ weights, slices }, context) => {
      const at = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
      if (weights === undefined && slices === undefined)
        at("slices", "needs slices, or weights of which there is one per slice");
      if (weights !== undefined && slices !== undefined && slices !== weights.length)
        at("slices", "must be as many as weights");
      if (weights?.every((each) => each === zero) === true) at("weights", "must not all be 0");
    }),
  pov: z.strictObject({
    algo: z.literal("pov"),
    ...common,
    ...taking,
    participation: share(),
    durationMs,
    intervalMs: whole(100, 3_600_000).default(1_000),
    sliceMin: z.exactOptional(positive()),
  }),
  iceberg: z.strictObject({
    algo: z.literal("iceberg"),
    ...common,
    display: positive(),
    limitPrice: positive(),
    timeInForce: z.enum(["GTC", "GTX"], "must be GTC or GTX").default("GTC"),
  }),
  oco: z.strictObject({
    algo: z.literal("oco"),
    ...common,
    takePrice: positive(),
    stopPrice: positive(),
    aggressionBps,
  }),
  bracket: z.strictObject({
    algo: z.literal("bracket"),
    ...common,
    entryPrice: z.exactOptional(positive()),
    timeInForce: z.exactOptional(z.enum(["GTC", "IOC", "FOK", "GTX"], "must be GTC, IOC, FOK or GTX")),
    takePrice: positive(),
    stopPrice: positive(),
    aggressionBps,
  }),
} satisfies Readonly<Record<ParentRequest["algo"], z.ZodType<ParentRequest>>>;

/** Any of them. */
export const parentRequestSchema: z.ZodType<ParentRequest> = z.discriminatedUnion(
  "algo",
  Object.values(schemas) as never,
);

/** Checks a body that has `algo`; a fault names the field of the algorithm that was meant. */
export function checkParentRequest(body: object & { readonly algo: unknown }): Checked<ParentRequest> {
  const { algo } = body;
  const name = names.find((each) => each === algo);
  if (name !== undefined) return checkBody<ParentRequest>(schemas[name], body);
  return checkBody<ParentRequest>(
    z.looseObject({ algo: z.enum(names, `must be one of ${names.join(", ")}`) }) as never,
    body,
  );
}

/** What a leader knows that a request leaves open. */
export interface RequestFacts {
  readonly venue: VenueId;
  readonly rules: InstrumentRules | undefined;
  /** The volume of each part of the time before, as its feed saw it; undefined: it did not see that far. */
  readonly profile: (durationMs: number, parts: number) => readonly Decimal[] | undefined;
}

/** The parameters that are journaled for a request, or why there are none. */
export function algorithmOf(request: ParentRequest, facts: RequestFacts): AlgorithmParameters | Refusal {
  const { algo: _algo, reason: _reason, ...asked } = request;
  switch (request.algo) {
    case "twap":
      return { ...(asked as Omit<TwapRequest, "algo">), name: "twap", venue: facts.venue };
    case "vwap": {
      const { weights: given, slices = given?.length ?? 0, ...rest } = asked as Omit<VwapRequest, "algo">;
      const weights = given ?? facts.profile(request.durationMs, slices);
      if (weights === undefined) return refused("profile-missing", { durationMs: request.durationMs });
      const profile = given === undefined ? "feed" : "configured";
      return { ...rest, slices, weights, profile, name: "vwap", venue: facts.venue };
    }
    case "pov": {
      const least = facts.rules?.quantityMin ?? request.quantity;
      const sliceMin = request.sliceMin ?? minimum(request.quantity, least);
      return { ...(asked as Omit<PovRequest, "algo">), sliceMin, name: "pov", venue: facts.venue };
    }
    case "iceberg":
      return { ...(asked as Omit<IcebergRequest, "algo">), name: "iceberg", venue: facts.venue };
    case "oco":
      return { ...(asked as Omit<OcoRequest, "algo">), name: "oco", venue: facts.venue };
    case "bracket": {
      const timeInForce = request.timeInForce ?? (request.entryPrice === undefined ? "IOC" : "GTC");
      return { ...(asked as Omit<BracketRequest, "algo">), timeInForce, name: "bracket", venue: facts.venue };
    }
  }
}

const directionReason = z.exactOptional(reasonText());

/** Body of `POST /v1/orders/:id` for a parent order. */
export const directionSchema: z.ZodType<Direction> = z.discriminatedUnion(
  "what",
  [
    z.strictObject({ what: z.literal("pause"), reason: directionReason }),
    z.strictObject({ what: z.literal("resume"), reason: directionReason }),
    z.strictObject({
      what: z.literal("amend"),
      reason: directionReason,
      change: z.record(
        z.string().regex(/^[a-zA-Z]{1,32}$/, "must name a figure of the algorithm"),
        z.union([positive(), whole(0, 1_000)]),
      ),
    }),
  ],
  "must be pause, resume or amend",
);

/** `GET /v1/orders/p-1`. */
export interface ParentView {
  readonly id: ParentId;
  readonly algorithm: AlgorithmParameters;
  readonly by: string;
  readonly status: "running" | "paused" | "done" | "cancelled" | "killed" | "failed";
  /** Why it ended so, or null. */
  readonly detail: string | null;
  readonly executed: Decimal;
  /** `planned`: slices that there are to be; null where they come one by one. */
  readonly slices: {
    readonly planned: number | null;
    readonly done: number;
    readonly skipped: number;
    readonly open: number;
  };
  /** Public volume counted for it, up to a trade; null where it counts none. */
  readonly counted: { readonly lastTradeId: number; readonly volume: Decimal } | null;
  /** Its stop was reached. */
  readonly isTriggered: boolean;
  /**
   * While it is paused. After a loss (`cause`) nobody asked for it: its slices are as old as the journal, and `bought` and
   * `sold` are what the account traded in its symbol since, and no order here explains.
   */
  readonly paused?: {
    readonly by: string;
    readonly sinceWallMs: number;
    readonly cause?: "history-lost";
    readonly bought?: Decimal;
    readonly sold?: Decimal;
  };
  readonly children: readonly IntentId[];
}

export const parentViewSchema: z.ZodType<ParentView> = z.looseObject({
  id: z.string(),
  algorithm: z.looseObject({ name: z.enum(names) }),
  by: z.string(),
  status: z.enum(["running", "paused", "done", "cancelled", "killed", "failed"]),
  detail: z.string().nullable(),
  executed: decimalText(),
  slices: z.looseObject({ planned: z.int().nullable(), done: z.int(), skipped: z.int(), open: z.int() }),
  counted: z.looseObject({ lastTradeId: z.int(), volume: decimalText() }).nullable(),
  isTriggered: z.boolean(),
  paused: z.exactOptional(
    z.looseObject({
      by: z.string(),
      sinceWallMs: z.number(),
      cause: z.exactOptional(z.literal("history-lost")),
      bought: z.exactOptional(decimalText()),
      sold: z.exactOptional(decimalText()),
    }),
  ),
  children: z.array(z.string()),
}) as unknown as z.ZodType<ParentView>;
