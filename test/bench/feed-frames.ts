/**
 * The frames of the feed benchmark: differences of one symbol's book (4 to 44 levels, 24 on average, most of them near
 * the top) and trades, as a venue would send them, already framed for a WebSocket and cut into pieces as they would come
 * off a socket. One seed, so that everybody reads the same bytes.
 */

/** What a venue sends, and what a reader must know before. */
export interface Frames {
  /** WebSocket frames in pieces of some 64 kB. */
  readonly pieces: readonly Buffer[];
  /** Writes the update ids of all differences anew, so that they continue what was read before. */
  readonly renumber: (lastUpdateId: number) => void;
  readonly count: number;
  /** The book before the first difference. */
  readonly snapshot: {
    readonly lastUpdateId: number;
    readonly bids: readonly (readonly [string, string])[];
    readonly asks: readonly (readonly [string, string])[];
  };
}

const levelsPerSide = 900;
/** Ids of ten digits, so that others can be written in their place. */
export const firstUpdateId = 1_000_000_000;
const pieceBytes = 64 * 1_024;

/** Differences of a book that stays some nine hundred levels deep, never crossed. */
export function differenceFrames(count: number): Frames {
  const random = seeded(1);
  const text = (ticks: number): string => (ticks / 100).toFixed(8);
  const quantity = (): string => (Math.floor(random() * 500_000) / 100_000 + 0.00001).toFixed(8);
  let middle = 6_900_000;
  const snapshot = {
    lastUpdateId: firstUpdateId,
    bids: Array.from({ length: levelsPerSide }, (_, at) => [text(middle - 1 - at), quantity()] as const),
    asks: Array.from({ length: levelsPerSide }, (_, at) => [text(middle + 1 + at), quantity()] as const),
  };
  const messages: string[] = [];
  let updateId = snapshot.lastUpdateId;
  for (let message = 0; message < count; message += 1) {
    const levels = 4 + Math.floor(random() * 41);
    const sides = { b: [] as [string, string][], a: [] as [string, string][] };
    for (let level = 0; level < levels; level += 1) {
      const isBid = random() < 0.5;
      // Half of all changes happen within a dozen ticks of the top, few far from it.
      const distance = 1 + Math.floor(random() ** 4 * levelsPerSide);
      const isGone = distance > 1 && random() < 0.3;
      (isBid ? sides.b : sides.a).push([
        text(isBid ? middle - distance : middle + distance),
        isGone ? "0.00000000" : quantity(),
      ]);
    }
    // Sometimes the market moves by a tick: what it runs over is removed, so that the book is never crossed.
    if (random() < 0.05) {
      const up = middle < 6_900_200 && (random() < 0.5 || middle < 6_899_800);
      middle += up ? 1 : -1;
      (up ? sides.a : sides.b).push([text(middle), "0.00000000"]);
      (up ? sides.b : sides.a).push([text(up ? middle - 1 : middle + 1), quantity()]);
    }
    const firstId = updateId + 1;
    updateId += levels;
    messages.push(
      JSON.stringify({
        stream: "btcusdt@depth@100ms",
        data: { e: "depthUpdate", E: 1_700_000_000_000 + message, s: "BTCUSDT", U: firstId, u: updateId, ...sides },
      }),
    );
  }
  const pieces = framed(messages);
  const places = idPlaces(pieces);
  let offset = 0;
  return {
    pieces,
    count,
    snapshot,
    renumber(lastUpdateId) {
      const by = lastUpdateId - firstUpdateId - offset;
      offset += by;
      for (const { piece, at } of places)
        piece.write(`${Number(piece.toString("latin1", at, at + 10)) + by}`, at, "latin1");
    },
  };
}

/** Where the update ids stand. */
function idPlaces(pieces: readonly Buffer[]): readonly { readonly piece: Buffer; readonly at: number }[] {
  const places: { readonly piece: Buffer; readonly at: number }[] = [];
  for (const piece of pieces) {
    for (const key of [',"U":', ',"u":']) {
      for (let at = piece.indexOf(key); at !== -1; at = piece.indexOf(key, at + 1)) places.push({ piece, at: at + 5 });
    }
  }
  return places;
}

/** Trades whose ids rise by one. */
export function tradeFrames(count: number): Frames {
  const random = seeded(2);
  const messages = Array.from({ length: count }, (_, at) => {
    const atMs = 1_700_000_000_000 + at;
    return JSON.stringify({
      stream: "btcusdt@trade",
      data: {
        e: "trade",
        E: atMs,
        s: "BTCUSDT",
        t: 5_000_000 + at,
        p: (69_000 + Math.floor(random() * 2_000) / 100).toFixed(8),
        q: (Math.floor(random() * 100_000) / 100_000 + 0.00001).toFixed(8),
        T: atMs,
        m: random() < 0.5,
        M: true,
      },
    });
  });
  return {
    pieces: framed(messages),
    count,
    snapshot: { lastUpdateId: 0, bids: [], asks: [] },
    renumber: () => undefined,
  };
}

/** Unmasked text frames, as servers send them, in pieces. */
function framed(messages: readonly string[]): readonly Buffer[] {
  const frames = messages.map((message) => {
    const payload = Buffer.from(message);
    const { length } = payload;
    const head = Buffer.alloc(length < 126 ? 2 : 4);
    head[0] = 0x81;
    if (length < 126) {
      head[1] = length;
    } else {
      head[1] = 126;
      head.writeUInt16BE(length, 2);
    }
    return Buffer.concat([head, payload]);
  });
  const pieces: Buffer[] = [];
  let piece: Buffer[] = [];
  let bytes = 0;
  for (const frame of frames) {
    piece.push(frame);
    bytes += frame.length;
    if (bytes < pieceBytes) continue;
    pieces.push(Buffer.concat(piece));
    piece = [];
    bytes = 0;
  }
  if (piece.length > 0) pieces.push(Buffer.concat(piece));
  return pieces;
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}
