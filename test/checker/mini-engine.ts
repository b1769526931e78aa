/**
 * A small engine with every mistake on a switch, to try the checker on. It trades for real on the simulated
 * exchange, over real sockets and under real faults, and writes its records in Baton's formats; of Baton it has nothing
 * else. With all switches at `right` it is a correct engine and must pass; each wrong switch must be convicted.
 */
import { createHash, createHmac } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { decimal, id, wallMs } from "@baton/core";
import type { HistoryRecord, JournalEvent, NodeId, OrderTerms, PlaceOutcome, VenueOrder } from "@baton/core";

/** What it does rightly or wrongly. */
export interface Habits {
  /** An answer that does not come. Wrong: send again at once; or take "not found" for a proof at once. */
  readonly doubt: "right" | "send-again" | "not-found-is-proof";
  /** The permit is checked at the socket. Wrong: before the rate limiter's queue. */
  readonly fence: "right" | "before-the-limiter";
  /** The client order id is that of the intent. Wrong: the epoch is in it, and inherited intents are sent at once. */
  readonly identity: "right" | "epoch-in-the-id";
  /** A request is sent once. Wrong: the HTTP client repeats it after a 5xx. */
  readonly transport: "right" | "retries";
}

/** A correct engine. */
export const rightHabits: Habits = { doubt: "right", fence: "right", identity: "right", transport: "right" };

/** Its bounds; the checker gets the same. */
export const miniTimes = {
  leaseTtlMs: 400,
  validityMs: 3_000,
  clockErrorMs: 50,
  processingMs: 300,
  lagMs: 100,
};

/** A bound for what hangs: where an answer is lost it is the scene that says when the engine has waited enough. */
const answerWithinMs = 20_000;

interface Intent {
  readonly number: number;
  readonly terms: OrderTerms;
  attempt: number;
  sentWallMs: number | undefined;
  isSettled: boolean;
  clientOrderId: string;
  order: VenueOrder | undefined;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

export class MiniEngine {
  readonly events: JournalEvent[] = [];
  readonly history: HistoryRecord[] = [];
  readonly acknowledged: { intentId: string; clientOrderId: string; key: string; atWallMs: number }[] = [];
  readonly #url: string;
  readonly #habits: Habits;
  readonly #intents: Intent[] = [];
  readonly #work: Promise<void>[] = [];
  #leader: { readonly node: NodeId; readonly epoch: number } | undefined;
  #impatience = new AbortController();

  constructor(url: string, habits: Habits) {
    this.#url = url;
    this.#habits = habits;
  }

  /** Makes a node the leader: the old permit ends, the inherited intents are listed and resolved. */
  lead(node: string): void {
    const epoch = (this.#leader?.epoch ?? 0) + 1;
    this.#leader = { node: id<NodeId>(node), epoch };
    const now = wallMs(Date.now());
    const base = { epoch, node: this.#leader.node, boot: id<HistoryRecord["boot"]>(`boot-${node}`), atWallMs: now };
    const inherited = this.#intents.filter((intent) => !intent.isSettled);
    this.history.push({ ...base, reason: "pre-emption", position: this.events.length });
    this.#record({
      ...base,
      kind: "epoch.opened",
      reason: "pre-emption",
      inheritedSendByWallMs: wallMs(now + miniTimes.leaseTtlMs),
      inDoubt: inherited.map((intent) => nameOf(intent)),
    });
    for (const intent of inherited) {
      const isBold = this.#habits.identity === "epoch-in-the-id";
      this.#work.push(isBold ? this.#issueAnew(intent) : this.#resolve(intent, now + miniTimes.leaseTtlMs));
    }
  }

  /** Every order that waits for its answer has waited long enough. */
  giveUpWaiting(): void {
    this.#impatience.abort();
    this.#impatience = new AbortController();
  }

  /** The client order ids that were recorded for the intent of a number, in order of its attempts. */
  attemptsOf(number: number): readonly string[] {
    const name = `i-${number}`;
    return this.events.flatMap((event) => {
      const isIts = event.kind === "intent.recorded" || event.kind === "attempt.recorded";
      return isIts && event.intent === name ? [event.clientOrderId] : [];
    });
  }

  /** Records an intent, acknowledges it, and sends it once it is through the rate limiter's queue. */
  place(terms: Omit<OrderTerms, "venue">, queue: Promise<void> = Promise.resolve()): void {
    const number = this.#intents.length + 1;
    const intent: Intent = {
      number,
      terms: { ...terms, venue: id("sim") },
      attempt: 1,
      sentWallMs: undefined,
      isSettled: false,
      clientOrderId: this.#identityOf(number, 1),
      order: undefined,
    };
    this.#intents.push(intent);
    this.#record({
      kind: "intent.recorded",
      intent: nameOf(intent),
      clientOrderId: id(intent.clientOrderId),
      terms: intent.terms,
      sendWithinMs: 10_000,
      atWallMs: wallMs(Date.now()),
      by: "test",
      request: { principal: "driver", key: `${number}`, digest: "d" },
    });
    const { clientOrderId } = intent;
    this.acknowledged.push({ intentId: nameOf(intent), clientOrderId, key: `${number}`, atWallMs: Date.now() });
    this.#work.push(this.#send(intent, queue));
  }

  /** Waits for all that is under way. */
  async settled(): Promise<void> {
    let done = 0;
    while (done < this.#work.length) {
      done = this.#work.length;
      await Promise.all(this.#work);
    }
  }

  /** Waits for all that is under way, then reads each order and each trade back from the venue, as an account stream would. */
  async settle(): Promise<void> {
    await this.settled();
    for (const intent of this.#intents) {
      if (intent.order === undefined) continue;
      const answer = await this.#call("GET", "/api/v3/order", this.#reference(intent));
      const order = orderOf(answer.body ?? {}, intent);
      this.#record({
        kind: "order.updated",
        intent: nameOf(intent),
        attempt: intent.attempt,
        order,
        atWallMs: wallMs(Date.now()),
      });
    }
    for (const symbol of new Set(this.#intents.map((intent) => intent.terms.symbol))) await this.#recordTrades(symbol);
  }

  async #recordTrades(symbol: OrderTerms["symbol"]): Promise<void> {
    const answer = await this.#call("GET", "/api/v3/myTrades", { symbol: symbol.replace("/", "") });
    for (const trade of (answer.body ?? []) as unknown as Readonly<Record<string, unknown>>[]) {
      const owner = this.#intents.find((intent) => intent.order?.venueOrderId === String(trade["orderId"]));
      this.#record({
        kind: "fill.recorded",
        venue: id("sim"),
        symbol,
        tradeId: id(String(trade["id"])),
        venueOrderId: id(String(trade["orderId"])),
        ...(owner !== undefined && { intent: nameOf(owner) }),
        side: trade["isBuyer"] === true ? "buy" : "sell",
        price: decimal(String(trade["price"])),
        quantity: decimal(String(trade["qty"])),
        fee: decimal("0"),
        feeCurrency: "USDT",
        tradedWallMs: wallMs(Number(trade["time"])),
      });
    }
  }

  async #send(intent: Intent, queue: Promise<void>): Promise<void> {
    const mine = this.#leader;
    if (mine === undefined) return;
    const holdsPermit = (): boolean => this.#leader === mine;
    const { clientOrderId } = intent;
    if (this.#habits.fence === "before-the-limiter" && !holdsPermit()) return;
    await queue;
    if (this.#habits.fence === "right" && !holdsPermit()) return;
    const answer = await this.#placeAtVenue(intent, clientOrderId, mine.node);
    // What an old leader learns after its fence is its own; its successor resolves.
    if (!holdsPermit() || intent.isSettled) return;
    const outcome = this.#outcomeOf(intent, answer);
    this.#record({
      kind: "attempt.answered",
      intent: nameOf(intent),
      attempt: intent.attempt,
      epoch: mine.epoch,
      node: mine.node,
      outcome,
      atWallMs: wallMs(Date.now()),
    });
    if (outcome.kind !== "in-doubt") {
      intent.isSettled = true;
      return;
    }
    await this.#onDoubt(intent, mine.node);
  }

  async #onDoubt(intent: Intent, node: NodeId): Promise<void> {
    if (this.#habits.doubt === "send-again") {
      const again = await this.#placeAtVenue(intent, intent.clientOrderId, node);
      if (again.status === 200) return this.#accept(intent, orderOf(again.body ?? {}, intent));
    }
    if (this.#habits.doubt === "not-found-is-proof") {
      const asked = await this.#call("GET", "/api/v3/order", this.#reference(intent));
      if (asked.status !== 200) return this.#issueAnew(intent);
    }
    return this.#resolve(intent, intent.sentWallMs ?? Date.now());
  }

  /** Asks until the order is found or the proof time has passed; then the intent is issued anew. */
  async #resolve(intent: Intent, sentByWallMs: number): Promise<void> {
    const { validityMs, clockErrorMs, processingMs, lagMs } = miniTimes;
    const provedWallMs = sentByWallMs + validityMs + clockErrorMs + processingMs + lagMs;
    const mine = this.#leader;
    for (;;) {
      const isProof = Date.now() > provedWallMs;
      const asked = await this.#call("GET", "/api/v3/order", this.#reference(intent));
      if (this.#leader !== mine || intent.isSettled) return;
      if (asked.status === 200) return this.#accept(intent, orderOf(asked.body ?? {}, intent));
      if (isProof && asked.body?.["code"] === -2013) return this.#issueAnew(intent);
      await delay(40);
    }
  }

  #accept(intent: Intent, order: VenueOrder): void {
    intent.order = order;
    intent.isSettled = true;
    this.#conclude(intent, { kind: "accepted", order });
  }

  async #issueAnew(intent: Intent): Promise<void> {
    this.#conclude(intent, { kind: "not-accepted", proof: "not found" });
    intent.attempt++;
    intent.clientOrderId = this.#identityOf(intent.number, intent.attempt);
    this.#record({
      kind: "attempt.recorded",
      intent: nameOf(intent),
      attempt: intent.attempt,
      clientOrderId: id(intent.clientOrderId),
      atWallMs: wallMs(Date.now()),
    });
    return this.#send(intent, Promise.resolve());
  }

  #conclude(intent: Intent, resolution: Extract<JournalEvent, { kind: "doubt.resolved" }>["resolution"]): void {
    const { attempt } = intent;
    const atWallMs = wallMs(Date.now());
    this.#record({ kind: "doubt.resolved", intent: nameOf(intent), attempt, resolution, by: "venue", atWallMs });
  }

  #outcomeOf(intent: Intent, answer: Answer): PlaceOutcome {
    const stamp = { sentWallMs: wallMs(intent.sentWallMs ?? 0), validityMs: miniTimes.validityMs };
    if (answer.status === 200 && answer.body !== undefined) {
      intent.order = orderOf(answer.body, intent);
      return { kind: "accepted", order: intent.order, stamp };
    }
    const code = answer.body?.["code"];
    if (answer.status === 400 && typeof code === "number" && code !== -1006 && code !== -1007) {
      return { kind: "rejected", code: `${code}`, message: String(answer.body?.["msg"]), stamp };
    }
    return { kind: "in-doubt", cause: `status ${answer.status}`, stamp };
  }

  async #placeAtVenue(intent: Intent, clientOrderId: string, node: NodeId): Promise<Answer> {
    const { terms } = intent;
    intent.sentWallMs = Date.now();
    const parameters = {
      symbol: terms.symbol.replace("/", ""),
      side: terms.side.toUpperCase(),
      type: terms.type.toUpperCase(),
      quantity: terms.quantity,
      newClientOrderId: clientOrderId,
      ...(terms.price !== undefined && { price: terms.price, timeInForce: terms.timeInForce }),
    };
    const answer = await this.#call("POST", "/api/v3/order", parameters, node);
    if (this.#habits.transport === "right" || answer.status < 500) return answer;
    return this.#call("POST", "/api/v3/order", parameters, node);
  }

  #reference(intent: Intent): Record<string, string> {
    return { symbol: intent.terms.symbol.replace("/", ""), origClientOrderId: intent.clientOrderId };
  }

  async #call(method: string, path: string, given: object, node = this.#leader?.node ?? "a"): Promise<Answer> {
    const recvWindow = `${miniTimes.validityMs}`;
    const bound = AbortSignal.timeout(answerWithinMs);
    const query = new URLSearchParams({ ...given, recvWindow, timestamp: `${Date.now()}` }).toString();
    const signature = createHmac("sha256", `${node}-secret`).update(query).digest("hex");
    try {
      const answer = await fetch(`${this.#url}${path}?${query}&signature=${signature}`, {
        method,
        headers: { "X-MBX-APIKEY": `${node}-key` },
        signal: method === "GET" ? bound : AbortSignal.any([bound, this.#impatience.signal]),
      });
      return { status: answer.status, body: parsed(await answer.text()) };
    } catch {
      return { status: 0, body: undefined };
    }
  }

  #identityOf(number: number, attempt: number): string {
    const epoch = this.#habits.identity === "epoch-in-the-id" ? (this.#leader?.epoch ?? 0) : 0;
    return createHash("sha256").update(`${number}/${attempt}/${epoch}`).digest("hex").slice(0, 32);
  }

  #record(event: JournalEvent): void {
    this.events.push(event);
  }
}

function nameOf(intent: Intent): ReturnType<typeof id<Extract<JournalEvent, { kind: "intent.recorded" }>["intent"]>> {
  return id(`i-${intent.number}`);
}

function orderOf(body: Readonly<Record<string, unknown>>, intent: Intent): VenueOrder {
  const statuses: Readonly<Record<string, VenueOrder["status"]>> = {
    NEW: "open",
    PARTIALLY_FILLED: "partially-filled",
    FILLED: "filled",
    CANCELED: "cancelled",
    EXPIRED: "expired",
  };
  return {
    venueOrderId: id(String(body["orderId"])),
    clientOrderId: intent.clientOrderId,
    symbol: intent.terms.symbol,
    side: intent.terms.side,
    status: statuses[String(body["status"])] ?? "open",
    quantity: intent.terms.quantity,
    ...(intent.terms.price !== undefined && { price: intent.terms.price }),
    executed: decimal(typeof body["executedQty"] === "string" ? body["executedQty"] : "0"),
  };
}

function parsed(text: string): Answer["body"] {
  try {
    return JSON.parse(text) as Answer["body"];
  } catch {
    return undefined;
  }
}
