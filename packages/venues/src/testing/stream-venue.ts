/**
 * A venue with an account stream for stories: the wire venue's REST on loopback, and beside it WebSockets that greet, count,
 * tell and fall silent as the story says. What was traded is on record here, and is listed by REST whether it was told or not.
 */
import { WebSocketServer, type WebSocket } from "ws";
import { streamScripts, type ScriptedFill } from "./stream-scripts.ts";
import { wireScripts } from "./wire-scripts.ts";
import { startWireVenue, type WireVenue } from "./wire-venue.ts";

/** One running venue. */
export interface StreamVenue {
  readonly rest: WireVenue;
  /** Every stream that was opened, oldest first. */
  readonly streams: readonly WebSocket[];
  /** Texts that clients sent, oldest first. */
  readonly sent: readonly string[];
  isRefusing: boolean;
  /** Told by the stream that is open, if `isTold`; listed by REST in any case. `agoMs`: how long ago it was traded. */
  trade(n: number, how: { readonly isTold: boolean; readonly agoMs?: number }): void;
  /** The fill once more, by the stream alone. */
  tellAgain(n: number): void;
  /** A message was lost: its number is used up. */
  loseOne(): void;
  /** Asked before each REST answer: a story may act while the client reads. */
  onRead: (path: string) => void;
  isPonging: boolean;
  forget(): void;
  close(): Promise<void>;
}

/** Starts one. */
export async function startStreamVenue(exchange: keyof typeof streamScripts): Promise<StreamVenue> {
  const script = streamScripts[exchange];
  const fills: ScriptedFill[] = [];
  const rest = await startWireVenue({});
  const answers = (): void => {
    rest.answers = { ...wireScripts[exchange].answers, ...script.rest(fills) };
  };
  answers();
  const streams: WebSocket[] = [];
  const sent: string[] = [];
  const counts = new Map<string, number>();
  const venue: Pick<StreamVenue, "isRefusing" | "isPonging" | "onRead"> = {
    isRefusing: false,
    isPonging: true,
    onRead: () => undefined,
  };
  rest.intercept = ({ path }) => {
    venue.onRead(path);
    return false;
  };
  const numbered = (lane: string): number => {
    const number = (counts.get(lane) ?? -1) + 1;
    counts.set(lane, number);
    return number;
  };
  new WebSocketServer({ server: rest.server, path: script.path }).on("connection", (stream) => {
    streams.push(stream);
    counts.clear();
    stream.on("message", (data: Buffer) => {
      const text = data.toString("utf8");
      sent.push(text);
      const pong = script.pongTo(text);
      if (pong !== undefined) {
        if (venue.isPonging) stream.send(pong);
        return;
      }
      const request = JSON.parse(text) as Record<string, unknown>;
      for (const answer of script.answer(request, venue.isRefusing)) stream.send(JSON.stringify(answer));
    });
  });
  const tell = (fill: ScriptedFill): void => {
    for (const { message, counted } of script.told(fill)) {
      const number = counted === undefined ? {} : { [counted.as]: numbered(counted.lane) };
      streams.at(-1)?.send(JSON.stringify({ ...message, ...number }));
    }
  };
  return Object.assign(venue, {
    rest,
    streams,
    sent,
    trade: (n: number, { isTold, agoMs = 0 }: { readonly isTold: boolean; readonly agoMs?: number }) => {
      const fill = { n, atMs: Date.now() - agoMs };
      fills.push(fill);
      answers();
      if (isTold) tell(fill);
    },
    tellAgain: (n: number) => {
      const fill = fills.find((one) => one.n === n);
      if (fill !== undefined) tell(fill);
    },
    loseOne: () => {
      for (const { counted } of script.told({ n: 2, atMs: 0 })) if (counted !== undefined) numbered(counted.lane);
    },
    forget: () => {
      fills.length = 0;
      answers();
    },
    close: async () => {
      for (const stream of streams) stream.terminate();
      await rest.close();
    },
  });
}
