/**
 * What one value of a configuration file may look like. Each form puts what is allowed, and the default, into its
 * description, so that what is checked and what an operator reads cannot drift apart.
 */
import { z } from "zod";
import { parseDecimal } from "../../decimal.ts";
import type { Decimal } from "../../decimal.ts";
import type { Branded, SymbolId } from "../../ids.ts";
import type { RateLimit } from "../config.ts";

/** A group of keys that was left out is one in which every key was: each has a default. */
export const allDefaults: never = {} as never;

const name = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const hostPort = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;
/** An address of HTTP, with or without TLS. */
export const httpUrl: RegExp = /^https?:\/\/[^\s/?#]+(?:\/[^\s]*)?$/;
/** An address of a WebSocket. */
export const wsUrl: RegExp = /^wss?:\/\/[^\s/?#]+(?:\/[^\s]*)?$/;
/** An IP address, v4 or v6. */
export const ipAddress: RegExp = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*)$/;
/** A market as ccxt writes it; futures name what they settle in. */
export const symbol: RegExp = /^[A-Z0-9]{1,20}\/[A-Z0-9]{1,20}(?::[A-Z0-9]{1,20})?$/;

/** A whole number in its range. */
export function whole(what: string, minimum: number, maximum: number, fallback?: number): z.ZodType<number> {
  const range = `${what}; a whole number from ${minimum} to ${maximum}`;
  const schema = z.int().min(minimum).max(maximum);
  return fallback === undefined
    ? schema.describe(range)
    : schema.default(fallback).describe(`${range}; default ${fallback}`);
}

/** A share, 0 to 100. */
export function percent(what: string): z.ZodType<number> {
  return z.number().min(0).max(100).describe(`${what}; percent, from 0 to 100`);
}

/** A text of a form; `allowed` says the form in words. */
export function text<T extends string = string>(what: string, form: RegExp, allowed: string): z.ZodType<T> {
  return z.string().regex(form).describe(`${what}; ${allowed}`) as unknown as z.ZodType<T>;
}

/** One of a few words. */
export function choice<const T extends string>(
  what: string,
  values: readonly T[],
  fallback?: NoInfer<T>,
): z.ZodType<T> {
  const allowed = `${what}; one of ${values.join(", ")}`;
  const schema: z.ZodType<T> = z.enum(values);
  if (fallback === undefined) return schema.describe(allowed);
  return schema.default(fallback as never).describe(`${allowed}; default ${fallback}`);
}

/** A switch. */
export function flag(what: string, fallback: boolean): z.ZodType<boolean> {
  return z.boolean().default(fallback).describe(`${what}; true or false; default ${fallback}`);
}

/** Money or a quantity: a decimal in quotes, never a bare number, and above zero. */
export function amount(what: string): z.ZodType<Decimal> {
  const isAmount = (value: string): boolean => {
    const parsed = parseDecimal(value);
    return parsed !== undefined && parsed !== "0" && !parsed.startsWith("-");
  };
  return z
    .string()
    .refine(isAmount)
    .overwrite((value) => parseDecimal(value) ?? value)
    .describe(`${what}; a decimal above zero in quotes, such as "0.5"`) as unknown as z.ZodType<Decimal>;
}

/** A name that becomes part of keys and paths. */
export function named<T extends Branded<string> = never>(what: string): z.ZodType<T> {
  return text<T>(what, name, "1 to 32 of a-z, 0-9 and -");
}

/** At least one symbol. */
export function symbols(what: string): z.ZodType<readonly SymbolId[]> {
  return z
    .array(text<SymbolId>("a symbol", symbol, 'as ccxt writes it, such as "BTC/USDT"'))
    .min(1)
    .describe(`${what}; a list of symbols as ccxt writes them, such as [BTC/USDT]`);
}

/** A file or folder; what is secret is only ever named by its path. */
export function path(what: string): z.ZodType<string> {
  return text(
    what,
    /^\S(?:.*\S)?$/,
    "a path; a relative one starts at $CREDENTIALS_DIRECTORY (secrets) or at this file",
  );
}

/** Where something listens or is reached. */
export function address(what: string): z.ZodType<string> {
  return text(what, hostPort, "host:port");
}

/** So many per interval. */
export function rate(what: string): z.ZodType<RateLimit> {
  return z
    .strictObject({ count: whole("how many", 1, 1_000_000), perMs: whole("in how many milliseconds", 1, 86_400_000) })
    .describe(`${what}; {count, perMs}`);
}
