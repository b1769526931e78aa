/**
 * How news reaches its listeners: through a queue, in slices, never from the reader's own turn.
 *
 * Prices conflate: a slow listener gets the newest of each symbol. Trades never do: when their queue is full, what comes
 * after it is told as a hole. A listener that throws, or whose promise is rejected, is counted and called again next time.
 */
import type { SymbolId, TradeEvent } from "@baton/core";

export interface DeliveryStatus {
  readonly waiting: number;
  readonly waitingPeak: number;
  /** Trades that were told as a hole because a listener was too slow. */
  readonly overflowed: number;
  readonly listenerErrors: number;
  readonly lastListenerError: string | undefined;
}

export interface Delivery<Top, State> {
  readonly trades: Set<(event: TradeEvent) => void>;
  readonly tops: Set<(top: Top) => void>;
  readonly states: Set<(change: State) => void>;
  trade(event: TradeEvent): void;
  /** The price of the symbol has changed; what it is, is read when it is told. */
  top(symbol: SymbolId): void;
  state(change: State): void;
  status(): DeliveryStatus;
  /** Nothing is told from now on. */
  close(): void;
}

interface GrowingHole {
  readonly type: "hole";
  readonly symbol: SymbolId;
  readonly fromId: number;
  toId: number;
  readonly reason: string;
}

/** After so long the queue lets the sockets have their turn. */
const sliceMs = 4;

/** A queue that holds at most `tradesMax` trades. */
export function openDelivery<Top, State>(options: {
  readonly tradesMax: number;
  readonly nowMs: () => number;
  readonly readTop: (symbol: SymbolId) => Top | undefined;
}): Delivery<Top, State> {
  const { tradesMax, nowMs, readTop } = options;
  const trades = new Set<(event: TradeEvent) => void>();
  const tops = new Set<(top: Top) => void>();
  const states = new Set<(change: State) => void>();
  const changedTops = new Set<SymbolId>();
  let tradeQueue: TradeEvent[] = [];
  let stateQueue: State[] = [];
  let head = 0;
  /** The last thing in the queue of a symbol whose trades found it full: a hole that grows. */
  const growing = new Map<SymbolId, GrowingHole>();
  let timer: NodeJS.Immediate | undefined;
  let isClosed = false;
  let waitingPeak = 0;
  let overflowed = 0;
  let listenerErrors = 0;
  let lastListenerError: string | undefined;

  const failed = (error: unknown): void => {
    listenerErrors += 1;
    lastListenerError = error instanceof Error ? error.message : String(error);
  };
  const tell = <T>(listeners: ReadonlySet<(news: T) => void>, news: T): void => {
    for (const listener of listeners) {
      try {
        const result: unknown = listener(news);
        // A listener may be an async function, though its type does not say so; its failure is its own.
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  };
  const drain = (): void => {
    timer = undefined;
    const untilMs = nowMs() + sliceMs;
    const changes = stateQueue;
    stateQueue = [];
    for (const change of changes) tell(states, change);
    for (const symbol of changedTops) {
      changedTops.delete(symbol);
      const top = readTop(symbol);
      if (top !== undefined) tell(tops, top);
    }
    while (head < tradeQueue.length && nowMs() < untilMs) {
      const event = tradeQueue[head] as TradeEvent;
      head += 1;
      if (event.type === "hole" && growing.get(event.symbol) === event) growing.delete(event.symbol);
      tell(trades, event);
    }
    if (head === tradeQueue.length || head > tradesMax) {
      tradeQueue = tradeQueue.slice(head);
      head = 0;
    }
    if (head < tradeQueue.length || changedTops.size > 0 || stateQueue.length > 0) wake();
  };
  const wake = (): void => {
    if (!isClosed) timer ??= setImmediate(drain);
  };

  const push = (symbol: SymbolId, event: TradeEvent): void => {
    growing.delete(symbol);
    tradeQueue.push(event);
    waitingPeak = Math.max(waitingPeak, tradeQueue.length - head);
  };
  /** Instead of the event, a hole that covers it. */
  const overflow = (symbol: SymbolId, event: { readonly fromId: number; readonly toId: number }): void => {
    overflowed += event.toId - event.fromId + 1;
    const hole = growing.get(symbol);
    if (hole !== undefined) {
      hole.toId = event.toId;
      return;
    }
    const begun: GrowingHole = { type: "hole", symbol, ...event, reason: "the listener is too slow" };
    tradeQueue.push(begun);
    growing.set(symbol, begun);
  };

  return {
    trades,
    tops,
    states,
    trade(event) {
      if (trades.size === 0 || isClosed) return;
      const symbol = event.type === "trade" ? event.trade.symbol : event.symbol;
      const isFull = tradeQueue.length - head >= tradesMax;
      if (isFull && event.type === "trade") overflow(symbol, { fromId: event.trade.id, toId: event.trade.id });
      else if (isFull && event.type === "hole") overflow(symbol, { fromId: event.fromId, toId: event.toId });
      else push(symbol, event);
      wake();
    },
    top(symbol) {
      if (tops.size === 0 || isClosed) return;
      changedTops.add(symbol);
      wake();
    },
    state(change) {
      if (states.size === 0 || isClosed) return;
      stateQueue.push(change);
      wake();
    },
    status: () => ({ waiting: tradeQueue.length - head, waitingPeak, overflowed, listenerErrors, lastListenerError }),
    close() {
      isClosed = true;
      if (timer !== undefined) clearImmediate(timer);
      timer = undefined;
      tradeQueue = [];
      stateQueue = [];
      changedTops.clear();
    },
  };
}
