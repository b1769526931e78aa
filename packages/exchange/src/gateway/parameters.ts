/**
 * The parameters of one request, read once each: what nobody asked for makes −1104, what is malformed the code that
 * Binance gives for it. The text that a signature covers is kept byte for byte as it was sent.
 */
import { parseAmount } from "../amounts.ts";
import { badRequest, invalid, missing } from "./api-error.ts";

/** The year 5138 in ms, 1973 in microseconds: what is larger counts microseconds. */
const MICROSECONDS_FROM = 1e14;

const clientOrderIdForm = /^[a-zA-Z0-9-_.:/]{1,36}$/;

/** Named texts, each of which remembers whether it was read. */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>;
  readonly #read = new Set<string>(["timestamp", "recvWindow", "signature"]);

  /** `known` are parameters that the transport itself understands. */
  constructor(values: ReadonlyMap<string, string>, known: readonly string[] = []) {
    this.#values = values;
    this.ignore(...known);
  }

  /** The text of a parameter without counting it as read: for the audit and for the faults, which read what may be wrong. */
  peek(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** The text of a parameter; −1105 when it was sent empty. */
  text(name: string): string | undefined {
    this.#read.add(name);
    const value = this.#values.get(name);
    if (value === "") throw badRequest(-1105, `Parameter '${name}' was empty.`);
    return value;
  }

  /** As `text`; −1102 when it is missing. */
  required(name: string): string {
    this.#read.add(name);
    const value = this.#values.get(name);
    if (value === undefined || value === "") throw missing(name);
    return value;
  }

  /** One of `allowed`; `refusal` says what is answered otherwise. */
  choice<T extends string>(name: string, allowed: readonly T[], code: number, message: string): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw badRequest(code, message);
    return found;
  }

  /** A non-negative amount in 1e-8. */
  amount(name: string): bigint | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const amount = parseAmount(value);
    if (amount === "malformed") {
      throw badRequest(
        -1100,
        `Illegal characters found in parameter '${name}'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'.`,
      );
    }
    if (amount === "too-precise") throw badRequest(-1111, `Parameter '${name}' has too much precision.`);
    return amount;
  }

  /** A whole number. */
  whole(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(number)) {
      throw badRequest(-1100, `Illegal characters found in parameter '${name}'; legal range is '^[0-9]{1,20}$'.`);
    }
    return number;
  }

  /** A time in ms; one in microseconds is understood, as Binance does. */
  time(name: string): number | undefined {
    const value = this.whole(name);
    return value !== undefined && value >= MICROSECONDS_FROM ? Math.floor(value / 1_000) : value;
  }

  /** `true` or `false`; false when it is not sent. */
  flag(name: string): boolean {
    const value = this.choice(name, ["true", "false"], -1130, `Data sent for parameter '${name}' is not valid.`);
    return value === "true";
  }

  /** A count between 1 and `max`; more than `max` is cut to it, as Binance does. */
  limit(usual: number, max: number): number {
    const value = this.whole("limit") ?? usual;
    if (value < 1) throw invalid("limit");
    return Math.min(value, max);
  }

  /** A client order id. */
  clientOrderId(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !clientOrderIdForm.test(value)) {
      throw badRequest(
        -1100,
        `Illegal characters found in parameter '${name}'; legal range is '^[a-zA-Z0-9-_.:/]{1,36}$'.`,
      );
    }
    return value;
  }

  /** Marks parameters as known though they change nothing here. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name);
  }

  /** −1104 unless everything that was sent has been read. */
  finish(): void {
    let unread = 0;
    for (const name of this.#values.keys()) if (!this.#read.has(name)) unread += 1;
    if (unread === 0) return;
    const sent = this.#values.size;
    throw badRequest(
      -1104,
      `Not all sent parameters were read; read '${sent - unread}' parameter(s) but was sent '${sent}'.`,
    );
  }
}

/** What a REST request said, with the exact text its signature covers. */
export interface SentText {
  readonly values: ReadonlyMap<string, string>;
  /** Query and body as sent, without the signature parameter, nothing decoded or reordered. */
  readonly signed: string;
  /** A parameter was sent twice in one place (−1101). */
  readonly hasDuplicates: boolean;
}

/** Reads query and body as Binance does: the query wins, and the signature may stand in either. */
export function readSentText(query: string, body: string): SentText {
  const values = new Map<string, string>();
  let hasDuplicates = false;
  for (const text of [body, query]) {
    const here = new Set<string>();
    for (const [name, value] of new URLSearchParams(text)) {
      if (here.has(name)) hasDuplicates = true;
      here.add(name);
      values.set(name, value);
    }
  }
  return { values, signed: withoutSignature(query) + withoutSignature(body), hasDuplicates };
}

function withoutSignature(text: string): string {
  return text.includes("signature=") ? text.replace(/(^|&)signature=[^&]*/, "").replace(/^&/, "") : text;
}

/** The text that a signature covers in the WebSocket API: all other parameters, sorted by name. */
export function sortedText(values: ReadonlyMap<string, string>): string {
  return [...values]
    .filter(([name]) => name !== "signature")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}
