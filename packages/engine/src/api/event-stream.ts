/**
 * Committed events for whoever listens (`GET /v1/events`), on any node, from its own journal. A client is in one of two
 * phases. *Backlog*: it is behind, and reads frames of the journal up to the committed point. *Live*: it has everything
 * committed, and gets each event in the turn of the loop that commits it. It goes live in a turn in which nothing is
 * missing, so the cut-over leaves no hole and doubles nothing; an event that would leave one sends it back to its backlog.
 * What waits in memory for a client is bounded: one that does not keep up goes back to its backlog too, and one that takes
 * nothing any more is dropped with a comment, to resume by its last id.
 */
import type { ServerResponse } from "node:http";
import type { Epoch, Frame, JournalEvent, Sequence } from "@baton/core";
import { decodeEvent, encodeEvent, problem } from "@baton/core";
import type { Answer, RouteRequest, Streaming } from "./server.ts";

/** What it needs of the journal and of the ledger. */
export interface EventSource {
  /** Everything up to here is committed, as this node knows it. */
  committed(): Sequence;
  /** Everything up to here was pruned. */
  pruned(): Sequence;
  /** Frames that end after `after`, the uncommitted tail included. */
  frames(after: Sequence, maxBytes: number): Promise<readonly Frame[]>;
}

/** The bounds. Tests take smaller ones. */
export interface EventLimits {
  readonly clientsMax: number;
  /** Bytes that may wait for a live client. */
  readonly waitingBytesMax: number;
  /** A client that takes nothing for so long is dropped. */
  readonly stallMs: number;
  /** A comment this often keeps connections (and what stands between) alive. */
  readonly aliveMs: number;
}

const limitsDefault: EventLimits = { clientsMax: 64, waitingBytesMax: 1 << 20, stallMs: 10_000, aliveMs: 10_000 };
const readBytes = 256 * 1024;

/** Where a client stands: the last event that it has. */
interface Position {
  readonly sequence: Sequence;
  /** Undefined: it did not say. */
  readonly epoch: Epoch | undefined;
}

interface Client {
  readonly out: ServerResponse;
  position: Position;
  isLive: boolean;
}

export class EventStreams {
  readonly #source: EventSource;
  readonly #limits: EventLimits;
  readonly #clients = new Set<Client>();
  readonly #alive: NodeJS.Timeout;

  constructor(source: EventSource, limits: Partial<EventLimits> = {}) {
    this.#source = source;
    this.#limits = { ...limitsDefault, ...limits };
    this.#alive = setInterval(() => {
      for (const client of this.#clients) if (client.isLive) client.out.write(": alive\n\n");
    }, this.#limits.aliveMs);
    this.#alive.unref();
  }

  get count(): number {
    return this.#clients.size;
  }

  /** `GET /v1/events`. */
  async open(request: Pick<RouteRequest, "query" | "lastEventId">): Promise<Answer | Streaming> {
    const asked = request.lastEventId ?? request.query["after"];
    const start = asked === undefined ? { sequence: this.#source.committed(), epoch: undefined } : positionOf(asked);
    if (start === undefined) return no(400, "invalid", "a position is SEQUENCE or EPOCH:SEQUENCE", "after");
    const refusal = await this.#refusal(start);
    if (refusal !== undefined) return refusal;
    if (this.#clients.size >= this.#limits.clientsMax) {
      return no(503, "refused", `${this.#clients.size} clients listen here already; ask another node`);
    }
    return { status: 200, contentType: "text/event-stream", stream: (out) => this.#join(out, start) };
  }

  /** Each committed event, in order, in the turn that commits it. */
  onCommitted(event: JournalEvent, sequence: Sequence, epoch: Epoch): void {
    let text: string | undefined;
    for (const client of this.#clients) {
      if (!client.isLive) continue;
      if (sequence <= client.position.sequence) {
        // What it knows ahead of this node is left out only where it is the same history: an unclean failover begins another.
        if (isOtherHistory(client.position, { first: sequence, last: sequence, epoch })) this.#dropOther(client, epoch);
        continue;
      }
      if (sequence !== client.position.sequence + 1) {
        void this.#catchUp(client);
        continue;
      }
      text ??= eventText(sequence, epoch, event.kind, encodeEvent(event));
      client.position = { sequence, epoch };
      client.out.write(text);
      if (client.out.writableLength > this.#limits.waitingBytesMax) void this.#catchUp(client);
    }
  }

  /** Ends every stream. */
  close(): void {
    clearInterval(this.#alive);
    for (const client of this.#clients) this.#drop(client, "this node is stopping");
  }

  /** Why nothing can be given from this position on. */
  async #refusal(start: Position): Promise<Answer | undefined> {
    const pruned = this.#source.pruned();
    if (start.sequence < pruned) {
      return no(410, "not-found", `events up to ${pruned} were pruned here; read the orders, then listen from there`);
    }
    // Of a client that knows more than this node, what both know is compared.
    const both = Math.min(start.sequence, this.#source.committed());
    if (start.epoch === undefined || both <= pruned) return undefined;
    const [frame] = await this.#source.frames(both - 1, 1);
    if (frame === undefined || !isOtherHistory(start, { first: both, last: both, epoch: frame.epoch }))
      return undefined;
    const detail = `event ${both} is of epoch ${frame.epoch} here, which is not the history of ${start.epoch}:${start.sequence}; read the orders anew`;
    return no(409, "conflict", detail);
  }

  #join(out: ServerResponse, start: Position): void {
    const client: Client = { out, position: start, isLive: false };
    this.#clients.add(client);
    out.once("close", () => this.#clients.delete(client));
    out.write(`: events after ${start.sequence}\n\n`);
    void this.#catchUp(client);
  }

  async #catchUp(client: Client): Promise<void> {
    client.isLive = false;
    try {
      while (this.#clients.has(client)) {
        if (!(await this.#drained(client))) return this.#drop(client, "it does not keep up");
        const committed = this.#source.committed();
        // A client may know more than this node does: it goes live at once, and what it knows is left out.
        if (client.position.sequence >= committed) {
          client.isLive = true;
          return;
        }
        if (client.position.sequence < this.#source.pruned()) return this.#drop(client, "its position was pruned");
        const frames = await this.#source.frames(client.position.sequence, readBytes);
        const [next] = frames;
        if (next === undefined) return this.#drop(client, "the journal does not hold what follows");
        // Pruned, or replaced by a snapshot, while it was read.
        if (next.first > client.position.sequence + 1) return this.#drop(client, "its position was pruned");
        if (isOtherHistory(client.position, next)) return this.#dropOther(client, next.epoch);
        for (const frame of frames) this.#sendFrame(client, frame, committed);
      }
    } catch (error) {
      this.#drop(client, `the journal cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #sendFrame(client: Client, frame: Frame, committed: Sequence): void {
    for (const [index, text] of frame.body.split("\n").entries()) {
      const sequence = frame.first + index;
      if (sequence <= client.position.sequence || sequence > committed) continue;
      client.position = { sequence, epoch: frame.epoch };
      client.out.write(eventText(sequence, frame.epoch, decodeEvent(text).kind, text));
    }
  }

  /** False when the client has taken nothing for too long. */
  async #drained(client: Client): Promise<boolean> {
    const { out } = client;
    let left = out.writableLength;
    while (out.writableNeedDrain && this.#clients.has(client)) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          out.off("drain", done).off("close", done);
          resolve();
        };
        const timer = setTimeout(done, this.#limits.stallMs);
        out.on("drain", done).on("close", done);
      });
      if (out.writableNeedDrain && out.writableLength >= left) return false;
      left = out.writableLength;
    }
    return true;
  }

  #dropOther(client: Client, epoch: Epoch): void {
    this.#drop(
      client,
      `event ${client.position.sequence} is of another history here, of epoch ${epoch}; read the orders anew`,
    );
  }

  #drop(client: Client, why: string): void {
    if (!this.#clients.delete(client)) return;
    const { epoch, sequence } = client.position;
    const resume = epoch === undefined ? `${sequence}` : `${epoch}:${sequence}`;
    client.out.end(`: dropped: ${why}; resume with Last-Event-ID ${resume}\n\n`);
    // What it never takes must not stay in memory.
    setTimeout(() => client.out.destroy(), this.#limits.stallMs).unref();
  }
}

/** True where events that reach up to a client's position, or hold it, were written by another epoch than it says or a later one. */
function isOtherHistory(position: Position, events: Pick<Frame, "first" | "last" | "epoch">): boolean {
  if (position.epoch === undefined || events.first > position.sequence) return false;
  return events.last < position.sequence ? events.epoch > position.epoch : events.epoch !== position.epoch;
}

/** `event` is the stored text of one line, as the journal has it. */
function eventText(sequence: Sequence, epoch: Epoch, kind: JournalEvent["kind"], event: string): string {
  return `id: ${epoch}:${sequence}\nevent: ${kind}\ndata: {"epoch":${epoch},"sequence":${sequence},"event":${event}}\n\n`;
}

function positionOf(text: string): Position | undefined {
  const match = /^(?:(\d{1,15}):)?(\d{1,15})$/.exec(text.trim());
  if (match === null) return undefined;
  return { sequence: Number(match[2]), epoch: match[1] === undefined ? undefined : Number(match[1]) };
}

function no(status: number, code: string, detail: string, field?: string): Answer {
  return { status, body: problem(status, code, detail, field) };
}
