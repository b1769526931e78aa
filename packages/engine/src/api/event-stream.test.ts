import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { encodeEvent, genesisHash, id, wallMs } from "@baton/core";
import type { Epoch, Frame, JournalEvent, OperationId } from "@baton/core";
import { afterEach, describe, expect, test } from "vitest";
import { EventStreams } from "./event-stream.ts";
import type { EventLimits } from "./event-stream.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0).toReversed()) each.close();
});

/** A journal in memory: `record` appends, `commit` moves the committed point and tells the streams, as the ledger does. */
class Story {
  readonly frames: Frame[] = [];
  readonly streams: EventStreams;
  committed = 0;
  pruned = 0;
  /** Resolves reads; what a slow disk takes. */
  beforeRead: () => Promise<void> = () => Promise.resolve();

  constructor(limits: Partial<EventLimits> = {}) {
    this.streams = new EventStreams(
      {
        committed: () => this.committed,
        pruned: () => this.pruned,
        frames: async (after) => {
          await this.beforeRead();
          return this.frames.filter((frame) => frame.last > after).slice(0, 3);
        },
      },
      limits,
    );
    open.push(this.streams);
  }

  get last(): number {
    return this.frames.at(-1)?.last ?? 0;
  }

  record(epoch: Epoch, count: number, padding = ""): this {
    const first = this.last + 1;
    const texts = Array.from({ length: count }, (_, at) => encodeEvent(noted(first + at, padding)));
    const hash = genesisHash;
    this.frames.push({ epoch, first, last: first + count - 1, previousHash: hash, hash, body: texts.join("\n") });
    return this;
  }

  commit(upTo: number = this.last): this {
    for (const frame of this.frames) {
      for (const [index, text] of frame.body.split("\n").entries()) {
        const sequence = frame.first + index;
        if (sequence <= this.committed || sequence > upTo) continue;
        this.committed = sequence;
        this.streams.onCommitted(JSON.parse(text) as JournalEvent, sequence, frame.epoch);
      }
    }
    return this;
  }
}

function noted(number: number, padding: string): JournalEvent {
  const operation = id<OperationId>(`o-${number}`);
  return { kind: "operation.noted", operation, what: padding, by: "t", reason: "r", atWallMs: wallMs(number) };
}

/** Serves the streams on loopback; gives a client's connection that reads only when told to. */
async function serve(story: Story): Promise<(headers?: Record<string, string>, query?: string) => Promise<Client>> {
  const server: Server = createServer((request, response) => {
    const query = Object.fromEntries(new URL(request.url ?? "/", "http://x").searchParams);
    const last = request.headers["last-event-id"];
    void story.streams.open({ query, lastEventId: typeof last === "string" ? last : undefined }).then((answer) => {
      response.writeHead(answer.status);
      if ("stream" in answer) answer.stream(response);
      else response.end(JSON.stringify(answer.body));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return async (headers = {}, query = "") => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    const lines = Object.entries({ host: "x", ...headers }).map(([name, value]) => `${name}: ${value}`);
    socket.write(`GET /v1/events${query} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    open.push({ close: () => socket.destroy() });
    return new Client(socket);
  };
}

class Client {
  readonly socket: Socket;
  text = "";
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("close", () => (this.isClosed = true));
    socket.on("error", () => undefined);
  }

  read(): this {
    this.socket.setEncoding("latin1").on("data", (part: string) => (this.text += part));
    return this;
  }

  get ids(): string[] {
    return [...this.text.matchAll(/^id: (.*)$/gm)].map((match) => match[1] ?? "");
  }

  async until(isThere: (client: Client) => boolean): Promise<void> {
    const end = performance.now() + 30_000;
    while (!isThere(this)) {
      if (performance.now() > end) throw new Error(`not within 30 s; so far: ${this.text.slice(-500)}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

const idsFrom = (first: number, last: number, epoch = 1): string[] =>
  Array.from({ length: last - first + 1 }, (_, at) => `${epoch}:${first + at}`);

describe("the stream of events", () => {
  test("gives the backlog and then what is committed, without hole or double", async () => {
    const story = new Story().record(1, 4).record(1, 3).record(1, 5).record(1, 2).commit(13);
    const client = (await (await serve(story))({}, "?after=2")).read();
    await client.until(({ ids }) => ids.length === 11);
    story.commit().record(1, 3).commit();
    await client.until(({ ids }) => ids.length >= 15);
    expect(client.ids).toEqual(idsFrom(3, 17));
  });

  test("shows nothing that is not committed", async () => {
    const story = new Story().record(1, 5).commit(3);
    const client = (await (await serve(story))({}, "?after=0")).read();
    await client.until(({ ids }) => ids.length === 3);
    story.commit(4);
    await client.until(({ ids }) => ids.length >= 4);
    expect(client.ids).toEqual(idsFrom(1, 4));
  });

  test("loses nothing of what is committed while a slow disk is read", async () => {
    const story = new Story().record(1, 6).commit();
    const gates: (() => void)[] = [];
    story.beforeRead = () => new Promise((resolve) => gates.push(resolve));
    const client = (await (await serve(story))({}, "?after=0")).read();
    for (let round = 0; round < 5; round += 1) {
      await client.until(() => gates.length > 0);
      story.record(1, 2).commit();
      gates.shift()?.();
    }
    story.beforeRead = () => Promise.resolve();
    await client.until(() => gates.length > 0 || client.ids.length === 16);
    gates.shift()?.();
    await client.until(({ ids }) => ids.length >= 16);
    expect(client.ids).toEqual(idsFrom(1, 16));
  });

  test("without a position begins with what comes next", async () => {
    const story = new Story().record(1, 6).commit();
    const client = (await (await serve(story))()).read();
    await client.until(({ text }) => text.includes(": events after 6"));
    story.record(2, 1).commit();
    await client.until(({ ids }) => ids.length > 0);
    expect(client.ids).toEqual(["2:7"]);
    expect(client.text).toContain("event: operation.noted\n");
    const data = /^data: (.*)$/m.exec(client.text)?.[1] ?? "";
    expect(JSON.parse(data)).toMatchObject({ epoch: 2, sequence: 7, event: { operation: "o-7" } });
  });

  test("resumes by the id of the last event, which outdoes the query", async () => {
    const story = new Story().record(1, 3).record(2, 3).commit();
    const client = (await (await serve(story))({ "last-event-id": "2:4" }, "?after=0")).read();
    await client.until(({ ids }) => ids.length >= 2);
    expect(client.ids).toEqual(["2:5", "2:6"]);
  });

  test("waits with a client that knows more than this node", async () => {
    const story = new Story().record(1, 3).commit();
    const client = (await (await serve(story))({}, "?after=1:5")).read();
    await client.until(({ text }) => text.includes(": events after 5"));
    story.record(1, 4).commit();
    await client.until(({ ids }) => ids.length >= 2);
    expect(client.ids).toEqual(["1:6", "1:7"]);
  });

  test.each([
    ["while it waits", 3],
    ["before it came", 5],
  ])(
    "passes over nothing of another history: a client that knows lost events is told so, where they were lost %s",
    async (_when, known) => {
      // It has 1:7 of a leader whose last events were lost in an unclean failover; the successor wrote others in their place.
      const story = new Story().record(1, 3).record(2, 2).commit(known);
      const client = (await (await serve(story))({}, "?after=1:7")).read();
      await client.until(({ text }) => /: events after 7|"code":"conflict"/.test(text));
      story.record(2, 6).commit();
      await client.until(({ text }) => /: dropped|"code":"conflict"|^id: /m.test(text));
      expect(client.text).toMatch(/is of another history here, of epoch 2; read the orders anew|HTTP\/1.1 409 /);
      expect(client.ids).toEqual([]);
    },
  );

  test("ends rather than leave a hole where its backlog is pruned while it is read", async () => {
    const story = new Story();
    for (let at = 0; at < 8; at += 1) story.record(1, 1);
    story.commit();
    let reads = 0;
    story.beforeRead = () => {
      reads += 1;
      if (reads === 2) {
        story.frames.splice(0, 5);
        story.pruned = 5;
      }
      return Promise.resolve();
    };
    const client = (await (await serve(story))({}, "?after=0")).read();
    await client.until(({ text }) => text.includes(": dropped") || text.includes("id: 1:8"));
    expect(client.text).toContain("its position was pruned; resume with Last-Event-ID 1:3");
    expect(client.ids).toEqual(idsFrom(1, 3));
  });

  test.each([
    ["a position that is none", "?after=x", 400, "invalid"],
    ["an event of another epoch", "?after=1:5", 409, "conflict"],
    ["what was pruned", "?after=1", 410, "not-found"],
  ])("refuses %s", async (_what, query, status, code) => {
    const story = new Story().record(1, 4).record(2, 4).commit();
    story.pruned = 2;
    const client = (await (await serve(story))({}, query)).read();
    await client.until(({ text }) => text.includes(`"code":"${code}"`));
    expect(client.text).toContain(`HTTP/1.1 ${status} `);
  });

  test("refuses one client more than it has room for", async () => {
    const story = new Story({ clientsMax: 1 }).record(1, 1).commit();
    const ask = await serve(story);
    const first = (await ask()).read();
    await first.until(() => story.streams.count === 1);
    const second = (await ask()).read();
    await second.until(({ text }) => text.includes('"code":"refused"'));
    first.socket.destroy();
    await first.until(() => story.streams.count === 0);
    const third = (await ask()).read();
    await third.until(({ text }) => text.includes(": events after 1"));
    expect(second.text).toContain("HTTP/1.1 503 ");
  });

  test("keeps little in memory for a live client that reads slowly, and still gives it everything", async () => {
    const story = new Story({ waitingBytesMax: 64 * 1024 }).record(1, 1).commit();
    const client = await (await serve(story))();
    await client.until(() => story.streams.count === 1);
    for (let round = 0; round < 300; round += 1) {
      story.record(1, 1, "x".repeat(64_000)).commit();
      if (round % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    client.read();
    await client.until(({ ids }) => ids.length >= 300);
    expect(client.ids).toEqual(idsFrom(2, 301));
  });

  test("drops a live client that takes nothing, and says how to resume", async () => {
    // Once more so long is left to it to take what lies in its socket: more than a loaded machine holds this process up.
    const story = new Story({ waitingBytesMax: 64 * 1024, stallMs: 4_000 }).record(1, 1).commit();
    const client = await (await serve(story))();
    await client.until(() => story.streams.count === 1);
    for (let round = 0; round < 200; round += 1) story.record(1, 1, "x".repeat(64_000)).commit();
    await client.until(() => story.streams.count === 0);
    client.read();
    await client.until(({ text }) => text.includes(": dropped"));
    const resume = /dropped: it does not keep up; resume with Last-Event-ID 1:(\d+)/.exec(client.text)?.[1];
    expect(client.ids).toEqual(idsFrom(2, Number(resume)));
  });

  test("drops a client that takes nothing of its backlog", async () => {
    const story = new Story({ stallMs: 50 });
    for (let at = 0; at < 300; at += 1) story.record(1, 1, "x".repeat(64_000));
    story.commit();
    const client = await (await serve(story))({}, "?after=0");
    await client.until(() => story.streams.count === 1);
    await client.until(() => story.streams.count === 0);
    expect(client.text).toBe("");
  });
});
