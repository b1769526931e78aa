/** The fields that requests about orders share: each says in words what it takes. */
import { z } from "zod";
import { parseDecimal } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { Branded, SymbolId, VenueId } from "../ids.ts";
import type { Side } from "../orders/terms.ts";

/** A decimal above zero, as a string; made canonical. */
export function positive(): z.ZodType<Decimal> {
  return z
    .string('must be a decimal as a string, such as "0.5"')
    .refine(isPositiveDecimal, 'must be a decimal above zero, such as "0.5"')
    .overwrite((value) => parseDecimal(value) ?? value) as unknown as z.ZodType<Decimal>;
}

/** A canonical decimal in an answer. */
export function decimalText(): z.ZodType<Decimal> {
  return z.string().refine((value) => parseDecimal(value) === value) as unknown as z.ZodType<Decimal>;
}

/** Why somebody wants something; it stands on record. */
export function reasonText(): z.ZodType<string> {
  return z.string("must say why").trim().min(1, "must say why").max(500, "must have at most 500 characters");
}

/** A whole number of a range. */
export function whole(minimum: number, maximum: number): z.ZodInt {
  const message = `must be a whole number from ${minimum} to ${maximum}`;
  return z.int(message).min(minimum, message).max(maximum, message);
}

export const symbolSchema: z.ZodType<SymbolId> = text<SymbolId>(
  /^[A-Z0-9]{1,20}\/[A-Z0-9]{1,20}(?::[A-Z0-9]{1,20})?$/,
  "must be a symbol such as BTC/USDT",
);

export const venueSchema: z.ZodType<VenueId> = text<VenueId>(
  /^[a-z0-9-]{1,32}$/,
  "must be the id of a configured venue",
);

export const sideSchema: z.ZodType<Side> = z.enum(["buy", "sell"], "must be buy or sell");

function isPositiveDecimal(value: string): boolean {
  const parsed = parseDecimal(value);
  return parsed !== undefined && parsed !== "0" && !parsed.startsWith("-");
}

function text<T extends Branded<string>>(form: RegExp, message: string): z.ZodType<T> {
  return z.string(message).regex(form, message) as unknown as z.ZodType<T>;
}
