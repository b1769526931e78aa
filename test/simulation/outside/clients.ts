/**
 * Clients of the API: they ask any node, repeat with the same key when they hear nothing or "try again", remember what they
 * were told, and take some orders back. What they were told is the measure of what may not be lost.
 */
import { compare, decimal, id, multiply, add, subtract } from "@baton/core";
import type { AlgorithmParameters, Decimal, IntentId, NodeId, OrderTerms, SymbolId } from "@baton/core";
import { amountDecimal } from "@baton/exchange";
import { venue } from "../desk/context.ts";
import type { Wish } from "../desk/intake.ts";
import type { Boot } from "../engine/boot.ts";
import type { Dice } from "../world/dice.ts";
import type { World } from "../world/world.ts";

/** What a client was told: 202 with this id under this key. */
export interface Acknowledged {
  readonly key: string;
  readonly ref: string;
  readonly atMs: number;
}

const answerWithinMs = 3_000;

export class Clients {
  readonly acknowledged: Acknowledged[] = [];
  /** Orders whose replacing was acknowledged. */
  readonly replaced: IntentId[] = [];
  /** Requests made so far. */
  asked = 0;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #replaceDice: Dice;
  readonly #told = new Map<string, string>();
  #isOpen = true;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice.fork("clients");
    this.#replaceDice = world.dice.fork("replaces");
  }

  /** Orders at a mean pause, until it is closed. */
  trade(everyMs: number): void {
    const next = (): void => {
      if (!this.#isOpen) return;
      this.order();
      this.#world.agenda.after(this.#dice.between(0.2, 1.8) * everyMs, next);
    };
    this.#world.agenda.after(this.#dice.between(500, 1_500), next);
  }

  /** Takes some of what was acknowledged back. */
  cancel(everyMs: number): void {
    const next = (): void => {
      if (!this.#isOpen) return;
      const recent = this.acknowledged.slice(-30);
      if (recent.length > 0) this.#cancel(this.#dice.pick(recent).ref);
      this.#world.agenda.after(this.#dice.between(0.2, 1.8) * everyMs, next);
    };
    this.#world.agenda.after(2_000, next);
  }

  /** Gives some of what rests, also what came in another's place, other figures. */
  replace(everyMs: number): void {
    const next = (): void => {
      if (!this.#isOpen) return;
      this.#replace();
      this.#world.agenda.after(this.#replaceDice.between(0.2, 1.8) * everyMs, next);
    };
    this.#world.agenda.after(2_000, next);
  }

  /** Everybody who thinks that he leads is asked what is committed, every so often. */
  read(everyMs: number): void {
    const { agenda } = this.#world;
    const next = (): void => {
      if (!this.#isOpen) return;
      for (const boot of this.#world.boots()) {
        if (boot.leadership?.leading !== undefined) boot.main.run(() => this.#read(boot));
      }
      agenda.after(everyMs, next);
    };
    agenda.after(everyMs, next);
  }

  #read(boot: Boot): void {
    const { watch } = this.#world;
    const answered = watch.reading.came(boot);
    boot.reads?.read((isReadable) => (isReadable ? answered() : watch.note("read refused")));
  }

  /** No new wishes; what was asked is still asked for. */
  close(): void {
    this.#isOpen = false;
  }

  /** Many orders of one side at once. */
  burst(count: number, side: "buy" | "sell"): void {
    for (let made = 0; made < count; made += 1) this.order(side);
  }

  order(side?: "buy" | "sell"): void {
    const terms = this.#terms(side);
    if (terms === undefined) return;
    const sendWithinMs = this.#dice.pick([300, 2_000, 2_000, 6_000]);
    this.#ask((key) => ({ kind: "order", terms, sendWithinMs, key: { principal: "client", key, digest: key } }));
  }

  twap(slices: number, durationMs: number): void {
    const symbol = this.#dice.pick([...this.#world.rules.keys()]);
    const unit = symbol.startsWith("BTC") ? 0.002 : 0.04;
    const quantity = decimal((unit * slices).toFixed(3));
    const side = this.#dice.pick(["buy", "sell"] as const);
    const algorithm = { name: "twap", venue, symbol, side, quantity, slices, durationMs, aggressionBps: 20 } as const;
    this.#parent(algorithm);
  }

  /**
   * Parents that are at work for a while: what they do in the next seconds is slice after slice. An iceberg that takes, and
   * two ways out of a position whose stop is near.
   */
  longParents(): void {
    const dice = this.#world.dice.fork(`parents ${this.#world.agenda.now}`);
    const symbol = dice.pick([...this.#world.rules.keys()]);
    const top = this.#world.venue.top(symbol.replace("/", ""));
    if (top === undefined) return;
    const [bid, ask] = [amountDecimal(top.bid), amountDecimal(top.ask)];
    const unit = symbol.startsWith("BTC") ? "0.002" : "0.04";
    const shifted = (price: Decimal, bps: number): Decimal => decimal((Number(price) * (1 + bps / 10_000)).toFixed(2));
    const common = { venue, symbol } as const;
    this.#parent({
      ...{ ...common, name: "iceberg", side: "buy", timeInForce: "GTC", limitPrice: shifted(ask, 30) },
      ...{ display: decimal(unit), quantity: multiply(decimal(unit), decimal("60")) },
    });
    const exits = { aggressionBps: 20, takePrice: shifted(ask, 200), quantity: multiply(decimal(unit), decimal("5")) };
    this.#parent({ ...common, ...exits, name: "oco", side: "sell", stopPrice: shifted(bid, -dice.below(3) / 2) });
    this.#parent({
      ...{ ...common, ...exits, name: "bracket", side: "buy", timeInForce: "IOC" },
      stopPrice: shifted(bid, -dice.below(8) / 2),
    });
  }

  #parent(algorithm: AlgorithmParameters): void {
    this.#ask((key) => ({ kind: "parent", algorithm, key: { principal: "client", key, digest: key } }));
  }

  /** Repeats a wish with its key until somebody says 202, or that it will not be. */
  #ask(wishOf: (key: string) => Wish): void {
    this.asked += 1;
    const wish = wishOf(`k${this.asked}`);
    const { key } = wish.key;
    let attempts = 0;
    const again = (ms: number): void => {
      attempts += 1;
      if (attempts < 12) this.#world.agenda.after(ms, attempt);
    };
    const attempt = (): void => {
      const leading = this.#world.boots().find((boot) => boot.isLeading);
      const to =
        leading !== undefined && this.#dice.chance(0.9) ? leading.node : this.#dice.pick(this.#world.nodes).node;
      let isOver = false;
      const over = (ms: number | undefined): void => {
        if (isOver) return;
        isOver = true;
        if (ms !== undefined) again(ms);
      };
      this.#world.agenda.after(answerWithinMs, () => over(10));
      this.#way(to, (boot, back) => {
        const taken = boot.desk?.request(wish);
        if (taken === undefined) return back(() => over(this.#dice.between(20, 300)));
        if (taken.kind === "refused" || taken.kind === "key-reused") {
          this.#world.watch.note(taken.kind === "refused" ? `refused: ${taken.refusal.code}` : "key reused");
          const isPassing =
            taken.kind === "refused" && (taken.refusal.code === "held" || taken.refusal.code === "no-leader");
          return back(() => over(isPassing ? this.#dice.between(20, 300) : undefined));
        }
        boot.ledger?.whenCommitted(taken.sequence, (isCommitted) => {
          if (!isCommitted) return back(() => over(this.#dice.between(20, 300)));
          back(() => {
            over(undefined);
            this.#heard(key, taken.ref);
          });
        });
      });
      // Impatient ones ask twice.
      if (this.#dice.chance(0.03)) again(this.#dice.between(1, 50));
    };
    attempt();
  }

  #heard(key: string, ref: string): void {
    const before = this.#told.get(key);
    if (before !== undefined && before !== ref && !this.#world.watch.losing.isLost(before)) {
      this.#world.watch.broken("I9", `the key ${key} was answered with ${before} and with ${ref}`);
    }
    this.#told.set(key, ref);
    if (before === undefined) this.acknowledged.push({ key, ref, atMs: this.#world.agenda.now });
  }

  #cancel(ref: string): void {
    const leading = this.#world.boots().find((boot) => boot.isLeading);
    if (leading === undefined) return;
    this.#way(leading.node, (boot) => void boot.desk?.cancel(ref, "client"));
  }

  #replace(): void {
    const dice = this.#replaceDice;
    const leading = this.#world.boots().find((boot) => boot.leadership?.leading !== undefined);
    const resting = [...(leading?.desk?.state.orders.values() ?? [])]
      .slice(-60)
      .filter(
        ({ terms: { timeInForce }, parent, cancel, status }) =>
          parent === undefined &&
          cancel === undefined &&
          (status === "new" || status === "partially-filled" || status === "in-doubt") &&
          (timeInForce === "GTC" || timeInForce === "GTX"),
      );
    if (leading === undefined || resting.length === 0) return;
    const { id: ref, terms } = dice.pick(resting);
    const { quantity, price } = terms;
    if (price === undefined) return;
    const change = {
      quantity: decimal(Math.max(0.001, Number(quantity) * dice.between(0.4, 1.6)).toFixed(3)),
      // A tick or many, to either side: some trade at once, while the old one is on its way out.
      price: add(price, multiply(decimal("0.01"), decimal(dice.below(4_000) - 2_000))),
    };
    this.#way(leading.node, (boot, back) => {
      const sequence = boot.desk?.replace(ref, change, "client");
      if (sequence === undefined) return;
      boot.ledger?.whenCommitted(sequence, (isCommitted) => {
        if (isCommitted) back(() => this.replaced.push(ref));
      });
    });
  }

  /** To a node and back; either way may fail. */
  #way(to: NodeId, act: (boot: Boot, back: (answer: () => void) => void) => void): void {
    const { agenda } = this.#world;
    agenda.after(this.#dice.skewed(0.3, 5), () => {
      const boot = this.#world.bootOf(to);
      if (boot === undefined || this.#dice.chance(0.01)) return;
      boot.main.run(() =>
        act(boot, (answer) => {
          if (!this.#dice.chance(0.02)) agenda.after(this.#dice.skewed(0.3, 5), answer);
        }),
      );
    });
  }

  #terms(side: "buy" | "sell" | undefined): OrderTerms | undefined {
    const symbol = this.#dice.pick([...this.#world.rules.keys()]);
    const top = this.#world.venue.top(symbol.replace("/", ""));
    const rules = this.#world.rules.get(symbol);
    if (top === undefined || rules === undefined) return undefined;
    const isBuy = (side ?? this.#dice.pick(["buy", "sell"] as const)) === "buy";
    const far = isBuy ? amountDecimal(top.ask) : amountDecimal(top.bid);
    const quantity = decimal((this.#dice.between(0.5, 4) * (symbol.startsWith("BTC") ? 0.01 : 0.2)).toFixed(3));
    const style = this.#dice.below(10);
    if (style === 0) return base(symbol, isBuy, quantity, { type: "market", timeInForce: "IOC" });
    // Through the far side, at it, or away from it: filled, perhaps, or resting.
    const bps = style < 5 ? this.#dice.below(8) : -this.#dice.below(60);
    const ticks = Math.round((Number(far) * bps) / 10_000 / Number(rules.tickSize));
    const shift = multiply(rules.tickSize, decimal(Math.abs(ticks)));
    const isUp = ticks > 0 === isBuy;
    const price = isUp ? add(far, shift) : subtract(far, shift);
    if (compare(price, decimal(0)) <= 0) return undefined;
    const timeInForce = style < 4 ? "IOC" : this.#dice.pick(["GTC", "GTC", "GTX"] as const);
    return base(symbol, isBuy, quantity, { type: "limit", price, timeInForce });
  }
}

function base(
  symbol: SymbolId,
  isBuy: boolean,
  quantity: Decimal,
  rest: Pick<OrderTerms, "type" | "timeInForce"> & { readonly price?: Decimal },
): OrderTerms {
  return { venue, symbol: id<SymbolId>(symbol), side: isBuy ? "buy" : "sell", quantity, ...rest };
}
