/**
 * How news reaches its listeners: through queues, in slices, never from the reader's own turn.
 *
 * Prices conflate: a slow listener gets the newest of each symbol. Trades never do, and are never dropped in silence: when
 * a symbol's queue is full, what comes after it is one hole that grows; when the listeners have caught up to it, the hole
 * is fetched once more from the venue's history and told in its place, or told as a hole. A listener that throws, or whose
 * promise is rejected, is counted and called again next time.
 */
import type { SymbolId, TradeEvent } from "@baton/core";

export interface DeliveryStatus {
  /** Trades and holes in the queues. */
  readonly waiting: number;
  readonly waitingPeak: number;
  /** How long the oldest of them waits. */
  readonly lagMs: number;
  readonly lagPeakMs: number;
  /** Prices that a newer one replaced before they were told. */
  readonly conflated: number;
  /** Trades that found their queue full. */
  readonly overflowed: number;
  /** Of these, the ones that were told later after all. */
  readonly recovered: number;
  readonly listenerErrors: number;
  readonly lastListenerError: string | undefined;
}

export interface Delivery<Top, State> {
  readonly trades: Set<(event: TradeEvent) => void>;
  readonly tops: Set<(top: Top) => void>;
  readonly states: Set<(change: State) => void>;
  /** A trade or a hole that came at `atMs`. */
  trade(event: TradeEvent, atMs: number): void;
  /** The price of the symbol has changed; what it is, is read when it is told. */
  top(symbol: SymbolId): void;
  state(change: State): void;
  status(): DeliveryStatus;
  /** Nothing is told from now on. */
  close(): void;
}

interface Range {
  readonly fromId: number;
  readonly toId: number;
}

/** What waits for one symbol. */
interface Channel {
  readonly symbol: SymbolId;
  queue: TradeEvent[];
  /** When each was queued. */
  queuedMs: number[];
  head: number;
  /** What came after the queue was full. */
  overflow: { fromId: number; toId: number } | undefined;
  isFetching: boolean;
}

/** After so long the queues let the sockets have their turn. */
const sliceMs = 4;
/** To look at the clock costs as much as to tell a trade: listeners that were quick get more of them at a stretch. */
const quickMs = 0.25;
const stretchMax = 64;

/** Queues that hold at most `tradesMax` trades per symbol. */
export function openDelivery<Top, State>(options: {
  readonly tradesMax: number;
  readonly nowMs: () => number;
  readonly soon: (act: () => void) => () => void;
  readonly readTop: (symbol: SymbolId) => Top | undefined;
  /** Trades of the range once more; what cannot be had is a hole. Never rejects. */
  readonly again: (symbol: SymbolId, range: Range) => Promise<readonly TradeEvent[]>;
}): Delivery<Top, State> {
  const { tradesMax, nowMs, soon, readTop, again } = options;
  const trades = new Set<(event: TradeEvent) => void>();
  const tops = new Set<(top: Top) => void>();
  const states = new Set<(change: State) => void>();
  const changedTops = new Set<SymbolId>();
  const channels = new Map<SymbolId, Channel>();
  let stateQueue: State[] = [];
  let callOff: (() => void) | undefined;
  let isClosed = false;
  let waiting = 0;
  let waitingPeak = 0;
  let lagPeakMs = 0;
  let conflated = 0;
  let overflowed = 0;
  let recovered = 0;
  let listenerErrors = 0;
  let lastListenerError: string | undefined;

  const failed = (error: unknown): void => {
    listenerErrors += 1;
    lastListenerError = error instanceof Error ? error.message : String(error);
  };
  const tell = <T>(listeners: ReadonlySet<(news: T) => void>, news: T): void => {
    for (const listener of listeners) {
      // The listener before it may have closed the feed.
      if (isClosed) return;
      try {
        const result: unknown = listener(news);
        // A listener may be an async function, though its type does not say so; its failure is its own.
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  };
  /** Tells a symbol's trades until the time is over; true when more can be told at once. */
  const drainChannel = (channel: Channel, untilMs: number): boolean => {
    let stretch = 1;
    for (let beginMs = nowMs(); channel.head < channel.queue.length;) {
      const oldestMs = channel.queuedMs[channel.head] as number;
      const toldTo = channel.head + stretch;
      // A listener that closes the feed empties the queue.
      while (channel.head < toldTo && channel.head < channel.queue.length) {
        const event = channel.queue[channel.head] as TradeEvent;
        channel.head += 1;
        waiting -= 1;
        tell(trades, event);
      }
      if (isClosed) return false;
      const endMs = nowMs();
      if (endMs - oldestMs > lagPeakMs) lagPeakMs = endMs - oldestMs;
      if (endMs >= untilMs) break;
      stretch = endMs - beginMs < quickMs ? Math.min(2 * stretch, stretchMax) : 1;
      beginMs = endMs;
    }
    const isEmpty = channel.head === channel.queue.length;
    if (isEmpty || channel.head > tradesMax) {
      channel.queue = channel.queue.slice(channel.head);
      channel.queuedMs = channel.queuedMs.slice(channel.head);
      channel.head = 0;
    }
    if (isEmpty && channel.overflow !== undefined) recover(channel, channel.overflow);
    return !isEmpty;
  };
  /** The listeners have caught up to the hole: what belongs there comes now, and what came meanwhile after it. */
  const recover = (channel: Channel, range: Range): void => {
    if (channel.isFetching) return;
    const { symbol } = channel;
    channel.overflow = undefined;
    if (range.toId - range.fromId >= tradesMax) {
      put(channel, { type: "hole", symbol, ...range, reason: "the listener is too slow" }, nowMs());
      wake();
      return;
    }
    channel.isFetching = true;
    void again(symbol, range).then((events) => {
      channel.isFetching = false;
      if (isClosed) return;
      for (const event of events) {
        if (event.type === "trade") recovered += 1;
        put(channel, event, nowMs());
      }
      wake();
    });
  };
  const drain = (): void => {
    callOff = undefined;
    const untilMs = nowMs() + sliceMs;
    const changes = stateQueue;
    stateQueue = [];
    for (const change of changes) tell(states, change);
    for (const symbol of changedTops) {
      changedTops.delete(symbol);
      const top = readTop(symbol);
      if (top !== undefined) tell(tops, top);
    }
    let hasMore = false;
    for (const channel of channels.values()) hasMore = drainChannel(channel, untilMs) || hasMore;
    if (hasMore || changedTops.size > 0 || stateQueue.length > 0) wake();
  };
  const wake = (): void => {
    if (!isClosed) callOff ??= soon(drain);
  };
  const channelOf = (symbol: SymbolId): Channel => {
    const present = channels.get(symbol);
    if (present !== undefined) return present;
    const made: Channel = { symbol, queue: [], queuedMs: [], head: 0, overflow: undefined, isFetching: false };
    channels.set(symbol, made);
    return made;
  };
  const put = (channel: Channel, event: TradeEvent, atMs: number): void => {
    channel.queue.push(event);
    channel.queuedMs.push(atMs);
    waiting += 1;
    if (waiting > waitingPeak) waitingPeak = waiting;
  };

  return {
    trades,
    tops,
    states,
    trade(event, atMs) {
      if (trades.size === 0 || isClosed) return;
      const channel = channelOf(event.type === "trade" ? event.trade.symbol : event.symbol);
      const isFull = channel.queue.length - channel.head >= tradesMax;
      // Behind a hole that waits for its trades nothing can be queued: it would be told before them.
      if (event.type !== "restart" && (isFull || channel.overflow !== undefined || channel.isFetching)) {
        const fromId = event.type === "trade" ? event.trade.id : event.fromId;
        const toId = event.type === "trade" ? event.trade.id : event.toId;
        overflowed += toId - fromId + 1;
        if (channel.overflow === undefined) channel.overflow = { fromId, toId };
        else channel.overflow.toId = toId;
      } else {
        if (channel.overflow !== undefined) {
          // The ids begin anew: what is missing before that is not asked for by ids that mean something else now.
          const reason = "the listener is too slow";
          put(channel, { type: "hole", symbol: channel.symbol, ...channel.overflow, reason }, atMs);
          channel.overflow = undefined;
        }
        put(channel, event, atMs);
      }
      wake();
    },
    top(symbol) {
      if (tops.size === 0 || isClosed) return;
      if (changedTops.has(symbol)) conflated += 1;
      else changedTops.add(symbol);
      wake();
    },
    state(change) {
      if (states.size === 0 || isClosed) return;
      stateQueue.push(change);
      wake();
    },
    status() {
      const now = nowMs();
      let lagMs = 0;
      for (const { queuedMs, head } of channels.values()) lagMs = Math.max(lagMs, now - (queuedMs[head] ?? now));
      return {
        waiting,
        waitingPeak,
        lagMs,
        lagPeakMs,
        conflated,
        overflowed,
        recovered,
        listenerErrors,
        lastListenerError,
      };
    },
    close() {
      isClosed = true;
      callOff?.();
      callOff = undefined;
      for (const channel of channels.values()) Object.assign(channel, { queue: [], queuedMs: [], head: 0 });
      channels.clear();
      stateQueue = [];
      changedTops.clear();
      waiting = 0;
    },
  };
}
