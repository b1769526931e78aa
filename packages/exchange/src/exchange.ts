/**
 * The simulated exchange in one call: sockets, books, the market's own flow, the audit and the faults. `startExchange`
 * is the door for programs and tests; `main.ts` is the same as a process of its own.
 *
 * Which venue it speaks is its personality. Besides the venue's paths it serves `GET /__audit` (JSON lines; `?from=N`, `&follow=1` keeps telling), and
 * `POST`, `GET`, `DELETE /__faults` (`?id=N` for one), `POST /__deposits` and `GET /__mirror`, which no fault ever strikes.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { AuditRecord } from "@baton/core";
import { amountDecimal, units } from "./amounts.ts";
import { AuditLog } from "./audit/audit-log.ts";
import { priceLog } from "./audit/price-log.ts";
import { statusOf } from "./calls/market.ts";
import { BlackHole } from "./black-hole.ts";
import { ControlPlane } from "./control-plane.ts";
import { ExchangeClock } from "./exchange-clock.ts";
import type { FaultRequest } from "./faults/fault.ts";
import { FaultBoard, type ArmedFault } from "./faults/fault-board.ts";
import { MarketTricks } from "./faults/market-tricks.ts";
import { readFault } from "./faults/read-fault.ts";
import { HOUSE, OrderFlow, usualFlow, type FlowOptions } from "./flow/order-flow.ts";
import { seededRandom } from "./flow/random.ts";
import type { Desk } from "./gateway/call.ts";
import { Keyring, type ApiKey } from "./gateway/credentials.ts";
import { Gateway } from "./gateway/gateway.ts";
import { LimitCounters, type Limits } from "./gateway/limits.ts";
import { TradingFloor, type Step } from "./market/trading-floor.ts";
import type { Instrument } from "./matching/instrument.ts";
import { liveInstruments, type MirrorOptions } from "./mirror/live-venue.ts";
import { LiveMirror, type MirrorState } from "./mirror/mirror.ts";
import type { Uniqueness } from "./matching/order-index.ts";
import type { Personality, PersonalityName } from "./personality.ts";
import { RestServer } from "./rest/rest-server.ts";
import { spotPersonality } from "./spot/personality.ts";
import { DisconnectWatch } from "./streams/disconnect-watch.ts";
import { ListenKeys } from "./streams/listen-keys.ts";
import { StreamServer } from "./streams/stream-server.ts";
import { usdmPersonality } from "./usdm/personality.ts";

export interface ExchangeOptions {
  /** What it speaks; spot when nothing is said. */
  readonly personality?: PersonalityName;
  /** Its name, which each record of its audit then carries: venues that run at once are told apart by it. */
  readonly name?: string;
  /** 0 takes a free one. */
  readonly port?: number;
  /** Loopback unless said otherwise. */
  readonly host?: string;
  /** Where the audit goes; absent: it is kept in memory. */
  readonly auditFile?: string;
  /** The market's dice and those of faults with a probability. */
  readonly seed?: string | number;
  /** When a client order id may be used again; one rule, or one per account (others: open-only). */
  readonly uniqueness?: Uniqueness | Readonly<Record<string, Uniqueness>>;
  /** Several keys may name one account. */
  readonly keys: readonly ApiKey[];
  readonly instruments?: readonly Instrument[];
  /** What each account starts with, as decimal texts per asset; the usual is plenty of everything that is traded. */
  readonly deposits?: Readonly<Record<string, string>>;
  /** `rate`: events per second and symbol; 0 stands still (the opening book is there all the same). */
  readonly flow?: Partial<Omit<FlowOptions, "seed">> & { readonly rate?: number; readonly isOff?: boolean };
  /** Decimal texts, e.g. `"0.001"`. */
  readonly fees?: { readonly maker: string; readonly taker: string };
  readonly limits?: Partial<Limits>;
  /** The audit has the best prices too, whenever they change: `AuditPrice`. */
  readonly auditsPrices?: boolean;
  /** It mirrors a live venue for paper trading, instead of having a flow and instruments of its own. Spot only. */
  readonly mirror?: MirrorOptions;
}

/** A running exchange. */
export interface RunningExchange {
  /** `http://host:port`; streams are at the same place under `ws://`. */
  readonly url: string;
  readonly port: number;
  /** Arms a fault and returns its id; throws a sentence when it is malformed. */
  arm(fault: FaultRequest): number;
  /** Takes one fault away, or all. */
  clearFaults(id?: number): void;
  /** All records so far. With `auditFile` the file is read again at each call. */
  audit(): readonly AuditRecord[];
  /**
   * Money comes to an account from outside, or leaves it (`-` before the amount), as the account's streams tell it; throws
   * a sentence when there is no such account, or not so much.
   */
  deposit(account: string, asset: string, amount: string): void;
  /** How each mirrored market stands; empty where none is. */
  mirrors(): readonly MirrorState[];
  /** Ends all connections, fsyncs the audit. */
  close(): Promise<void>;
}

const FLOW_BEAT_MS = 50;
const personalities: Readonly<Record<PersonalityName, () => Personality>> = {
  spot: spotPersonality,
  usdm: usdmPersonality,
};

/** Starts an exchange and resolves when it listens; rejects with a sentence when what it shall mirror cannot be asked. */
export async function startExchange(options: ExchangeOptions): Promise<RunningExchange> {
  const { mirror } = options;
  if (mirror !== undefined && options.personality === "usdm") throw new RangeError("only spot markets can be mirrored");
  const instruments = mirror === undefined ? options.instruments : await liveInstruments(mirror);
  const exchange = new Exchange(instruments === undefined ? options : { ...options, instruments });
  try {
    await exchange.listen();
  } catch (error) {
    await exchange.close();
    throw error;
  }
  return exchange;
}

class Exchange implements RunningExchange {
  readonly #personality: Personality;
  readonly #clock = new ExchangeClock();
  readonly #audit: AuditLog;
  readonly #faults: FaultBoard;
  readonly #floor: TradingFloor;
  readonly #desk: Desk;
  readonly #limits: LimitCounters;
  readonly #rest: RestServer;
  readonly #streams: StreamServer;
  readonly #control: ControlPlane;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isClosing = false;
  readonly #blackHole: BlackHole;
  readonly #disconnects: DisconnectWatch;
  readonly #tricks: MarketTricks;
  readonly #flows: readonly OrderFlow[];
  readonly #mirror: LiveMirror | undefined;
  readonly #host: string;
  readonly #stopPersonality: () => void;
  #timer: NodeJS.Timeout | undefined;
  #port: number;

  constructor(options: ExchangeOptions) {
    const personality = personalities[options.personality ?? "spot"]();
    this.#personality = personality;
    const instruments = options.instruments ?? personality.instruments;
    const seed = `${options.seed ?? 1}`;
    const rates = options.fees ?? personality.fees;
    const fees = { maker: units(rates.maker), taker: units(rates.taker) };
    this.#host = options.host ?? "127.0.0.1";
    this.#port = options.port ?? 0;
    this.#audit = new AuditLog(this.#clock, options.auditFile, options.name);
    const limits: Limits = { ...personality.limits, ...options.limits };
    this.#limits = new LimitCounters(limits, personality.orderWindow);
    this.#faults = new FaultBoard({
      audit: this.#audit,
      random: seededRandom(`${seed}/faults`),
      onBegun: (fault) => this.#begun(fault),
      onCleared: (fault) => this.#cleared(fault),
    });
    const rule = options.uniqueness ?? "open-only";
    this.#floor = new TradingFloor({
      instruments,
      makerFee: fees.maker,
      takerFee: fees.taker,
      uniqueness: (account) => (typeof rule === "string" ? rule : (rule[account] ?? "open-only")),
      makeClearing: personality.makeClearing,
      refusals: personality.refusals,
      audit: this.#audit,
      clock: this.#clock,
      // Who trades on paper keeps a journal: what is started anew must not give an id for the second time.
      ...(options.mirror === undefined ? {} : { follows: { firstId: Date.now() * 100 } }),
    });
    const newId = (): string => randomUUID().replaceAll("-", "").slice(0, 22);
    this.#desk = {
      floor: this.#floor,
      faults: this.#faults,
      limits: this.#limits,
      now: () => this.#clock.server(),
      mono: () => this.#clock.mono(),
      newId,
      listenKeys: new ListenKeys({ lifeMs: limits.listenKeyLifeMs, newId }),
      fees,
      tooLate: personality.tooLate,
    };
    const desk = this.#desk;
    const keyring = new Keyring(options.keys);
    const gateway = new Gateway(desk, this.#audit, keyring);
    const parts = { personality, desk, gateway, keyring, audit: this.#audit, faults: this.#faults };
    this.#rest = new RestServer({ ...parts, money: options.mirror === undefined ? "simulated" : "paper" });
    this.#streams = new StreamServer(parts);
    this.#blackHole = new BlackHole(this.#faults);
    this.#disconnects = new DisconnectWatch({
      accounts: this.#streams.accounts,
      faults: this.#faults,
      floor: this.#floor,
    });
    this.#control = new ControlPlane({
      audit: this.#audit,
      faults: this.#faults,
      arm: (fault) => this.#faults.arm(fault),
      mirrors: () => this.mirrors(),
      deposit: ({ account, asset, amount }) => this.deposit(account, asset, amount),
    });
    this.#tricks = new MarketTricks({
      floor: this.#floor,
      faults: this.#faults,
      transferred: (transfer) => this.#streams.accounts.transferred(transfer),
    });
    if (options.auditsPrices === true) this.#floor.onStep(priceLog(desk, this.#audit));
    this.#floor.onStep((step) => this.#publish(step));
    this.#floor.onStep((step) => this.#tricks.follow(step));
    this.#openAccounts(options, instruments);
    this.#stopPersonality = personality.start(desk);
    const flow = { ...usualFlow, ...options.flow, seed };
    this.#flows =
      options.flow?.isOff === true || options.mirror !== undefined
        ? []
        : instruments.map((one) => new OrderFlow(this.#floor.engine, one, flow));
    this.#startFlow(options.flow?.rate ?? 20);
    const mirrored = { floor: this.#floor, audit: this.#audit };
    this.#mirror = options.mirror === undefined ? undefined : new LiveMirror(options.mirror, mirrored);
    this.#server = createServer({ keepAliveTimeout: 60_000, noDelay: true });
    this.#serve();
  }

  get url(): string {
    return `http://${this.#host}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  arm(fault: FaultRequest): number {
    const read = readFault(fault);
    if (typeof read === "string") throw new RangeError(read);
    return this.#faults.arm(read).id;
  }

  clearFaults(id?: number): void {
    this.#faults.clear(id);
  }

  audit(): readonly AuditRecord[] {
    return this.#audit.records();
  }

  deposit(account: string, asset: string, amount: string): void {
    const { ledger } = this.#floor.engine;
    const [isOut, quantity] = [amount.startsWith("-"), units(amount.replace(/^-/, ""))];
    if (!ledger.has(account)) throw new RangeError(`there is no account ${account}`);
    if (isOut && !ledger.canAfford(account, asset, quantity))
      throw new RangeError(`${account} has not so much ${asset}`);
    const change = isOut ? -quantity : quantity;
    this.#audit.append({ type: "transfer", account, asset, amount: amountDecimal(change) });
    if (isOut) ledger.withdraw(account, asset, quantity);
    else ledger.deposit(account, asset, quantity);
    this.#streams.accounts.transferred({ account, asset, amount: change });
  }

  mirrors(): readonly MirrorState[] {
    return this.#mirror?.states() ?? [];
  }

  /** Listens on the port; resolves when it does. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, this.#host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#timer);
    this.#mirror?.close();
    this.#faults.close();
    this.#disconnects.close();
    this.#tricks.close();
    this.#stopPersonality();
    this.#desk.listenKeys.close();
    this.#streams.close();
    this.#control.close();
    await new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
      for (const socket of this.#sockets) socket.destroy();
    });
    this.#audit.close();
  }

  #serve(): void {
    this.#server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      if (request.url?.startsWith("/__") === true) this.#control.handle(request, response);
      else this.#rest.handle(request, response);
    });
    this.#server.on("upgrade", (request, socket, head) => this.#streams.upgrade(request, socket, head));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      // The HTTP parser starts reading in this turn; holding has to come after it.
      process.nextTick(() => this.#blackHole.look([socket]));
      socket.on("error", () => socket.destroy());
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  #openAccounts(options: ExchangeOptions, instruments: readonly Instrument[]): void {
    const amounts = Object.entries(options.deposits ?? this.#personality.deposits(instruments));
    const deposits = new Map(amounts.map(([asset, amount]) => [asset, units(amount)]));
    const { mayOwe } = this.#personality;
    for (const account of new Set(options.keys.map((one) => one.account))) {
      this.#floor.engine.openAccount(account, deposits, { isHouse: false, mayOwe });
    }
    this.#floor.engine.openAccount(HOUSE, new Map(), { isHouse: true });
  }

  #startFlow(rate: number): void {
    for (const flow of this.#flows) this.#floor.run((nowMs) => flow.fill(nowMs));
    let due = 0;
    this.#timer = setInterval(() => {
      due += (rate * FLOW_BEAT_MS) / 1_000;
      const steps = Math.floor(due);
      due -= steps;
      for (const flow of this.#flows) {
        if (statusOf(this.#desk, flow.symbol) !== "TRADING") continue;
        for (let step = 0; step < steps; step += 1) this.#floor.run((nowMs) => flow.step(nowMs));
        if (flow.isThin()) this.#floor.run((nowMs) => flow.fill(nowMs));
      }
    }, FLOW_BEAT_MS);
  }

  #publish(step: Step): void {
    this.#streams.accounts.publish(step);
    this.#streams.market.publish(step);
    for (const event of step.events) {
      if (event.kind === "traded" && event.maker.account !== HOUSE) {
        this.#limits.uncountOrder(event.maker.account, step.nowMs);
      }
    }
  }

  /** What a fault does at the moment when it begins. */
  #begun(fault: ArmedFault): void {
    switch (fault.fault) {
      case "clock-skew":
        this.#clock.lie(fault.skewMs ?? 0, fault.driftPpm ?? 0);
        return;
      case "black-hole":
        this.#blackHole.look(this.#sockets);
        return;
      case "venue-down":
        if (fault.mode === "refuse") this.#refuse();
        break;
      default:
    }
    this.#streams.apply(fault);
  }

  #cleared(fault: ArmedFault): void {
    if (fault.fault === "clock-skew") this.#clock.lie(0, 0);
    if (fault.fault === "black-hole") this.#blackHole.look(this.#sockets);
    if (fault.fault === "venue-down" && fault.mode === "refuse" && fault.hasBegun && !this.#server.listening) {
      void this.#listenAgain();
    }
  }

  /** While it did not listen, a neighbour's outgoing connection may have been given its port: it has it back when that ends. */
  async #listenAgain(): Promise<void> {
    while (!this.#isClosing) {
      try {
        await this.listen();
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
        await delay(20);
      }
    }
  }

  /** Stops listening: new connections are refused by the kernel, the present ones are cut. */
  #refuse(): void {
    this.#server.close();
    // One that is just being shut down cannot be reset: Node would leave it open for ever.
    for (const socket of this.#sockets) {
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }
}
