import { buildConnector } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PlaceOutcome } from "@baton/core";
import {
  connect,
  inMs,
  realClock,
  startScriptedVenue,
  terms,
  TestPermits,
  until,
  btc,
  type ScriptedVenue,
} from "./testing/scripted-venue.ts";
import type { Venue, VenueOptions } from "./venue.ts";

/** A connector that, while it is shut, holds sockets back: the gap in which a permit may end. */
class Gate {
  readonly #plain = buildConnector({});
  readonly #held: (() => void)[] = [];
  isShut = false;

  readonly connect: buildConnector.connector = (options, callback) => {
    if (this.isShut) this.#held.push(() => this.#plain(options, callback));
    else this.#plain(options, callback);
  };

  /** Resolves when a request waits for its socket; it was signed before. */
  waits(): Promise<void> {
    return until("a request waits for its socket", () => this.#held.length > 0);
  }

  open(): void {
    this.isShut = false;
    for (const go of this.#held.splice(0)) go();
  }
}

describe("the last check, with a socket that opens some time after the order was signed", () => {
  let server: ScriptedVenue;
  let permits: TestPermits;
  let venue: Venue;
  let isKilled = false;
  let gate: Gate;

  /** Opens the venue; whatever needs another socket from here on waits for the gate. */
  async function open(over: Partial<VenueOptions> = {}): Promise<void> {
    venue = await connect(server.url, permits, { connect: gate.connect, isKilled: () => isKilled, ...over });
    gate.isShut = true;
  }

  const place = (expiresInMs = 30_000): Promise<PlaceOutcome> =>
    venue.place({ clientOrderId: "0a".repeat(16), terms, expiresAtMonoMs: inMs(expiresInMs) }, permits.permit());

  /** One connection was opened after `known`, is over now, and has carried not one byte. */
  const expectNoByte = async (known: number): Promise<void> => {
    await until("the socket opened", () => server.sockets.length === known + 1);
    await venue.close();
    const socket = server.sockets[known]!;
    await until("the socket is over", () => socket.destroyed);
    expect(socket.bytesRead).toBe(0);
    expect(server.received.filter(({ method }) => method !== "GET")).toEqual([]);
  };

  beforeEach(async () => {
    server = await startScriptedVenue();
    permits = new TestPermits();
    isKilled = false;
    gate = new Gate();
  });
  afterEach(async () => {
    await venue.close();
    await server.close();
  });

  it("sends no byte when the permit ends between the decision and the socket", async () => {
    await open();
    const known = server.sockets.length;
    const placing = place();
    await gate.waits();
    permits.deadlineMonoMs = inMs(-1);
    gate.open();
    expect(await placing).toMatchObject({ kind: "not-sent", reason: "permit-ended" });
    await expectNoByte(known);
  });

  it("sends no byte when another epoch holds the permit at the socket", async () => {
    await open();
    const known = server.sockets.length;
    const placing = place();
    await gate.waits();
    permits.epoch += 1;
    gate.open();
    expect(await placing).toMatchObject({ kind: "not-sent", reason: "permit-ended" });
    await expectNoByte(known);
  });

  it("sends no byte when less than the least validity is left at the socket", async () => {
    await open({ validityMs: 740, minValidityMs: 100 });
    const known = server.sockets.length;
    const placing = place();
    await gate.waits();
    const spentMonoMs = inMs(640);
    await until("too little is left", () => realClock.mono() > spentMonoMs);
    gate.open();
    expect(await placing).toMatchObject({ kind: "not-sent", reason: "validity-too-short" });
    await expectNoByte(known);
  });

  it("sends no byte when the intent's own time passes before the socket is there", async () => {
    await open();
    const known = server.sockets.length;
    const placing = place(1_000);
    await gate.waits();
    const expiredMonoMs = inMs(1_000);
    await until("its time has passed", () => realClock.mono() > expiredMonoMs);
    gate.open();
    expect(await placing).toMatchObject({ kind: "not-sent", reason: "expired" });
    await expectNoByte(known);
  });

  it("sends no byte when a kill comes into force before the socket is there", async () => {
    await open();
    const known = server.sockets.length;
    const placing = place();
    await gate.waits();
    isKilled = true;
    gate.open();
    expect(await placing).toMatchObject({ kind: "not-sent", reason: "killed" });
    await expectNoByte(known);
  });

  it("sends no cancel either once the permit has ended, and a kill does not stop one", async () => {
    await open();
    isKilled = true;
    const known = server.sockets.length;
    const order = { clientOrderId: "0a".repeat(16), symbol: btc };
    const permit = permits.permit();
    const cancelling = venue.cancel(order, permit);
    await gate.waits();
    permits.deadlineMonoMs = inMs(-1);
    gate.open();
    expect(await cancelling).toMatchObject({ kind: "not-sent", reason: "permit-ended" });
    await expectNoByte(known);
    permits.deadlineMonoMs = inMs(60_000);
    venue = await connect(server.url, permits, { isKilled: () => isKilled });
    expect(await venue.cancel(order, permits.permit())).toMatchObject({ kind: "cancelled" });
  });

  it("never starts a request whose caller was told that it was not sent", async () => {
    await open({ deadlineMs: 1_000 });
    const known = server.sockets.length;
    expect(await place()).toMatchObject({ kind: "not-sent", reason: "connect-failed" });
    gate.open(); // for nobody
    await expectNoByte(known);
  });

  it("lets the order through when the permit was renewed meanwhile", async () => {
    await open();
    permits.deadlineMonoMs = inMs(30_000);
    const placing = place();
    await gate.waits();
    permits.deadlineMonoMs = inMs(60_000);
    gate.open();
    expect(await placing).toMatchObject({ kind: "accepted" });
  });

  it("needs no new socket for the first order, the first that only reduces and the first cancel once they were warmed", async () => {
    await open();
    gate.isShut = false;
    await venue.warm();
    gate.isShut = true;
    const known = server.sockets.length;
    expect(await place()).toMatchObject({ kind: "accepted" });
    const stop = { clientOrderId: "0b".repeat(16), terms, expiresAtMonoMs: inMs(30_000), isAhead: true };
    expect(await venue.place(stop, permits.permit())).toMatchObject({ kind: "accepted" });
    const order = { clientOrderId: "0a".repeat(16), symbol: btc };
    expect(await venue.cancel(order, permits.permit())).toMatchObject({ kind: "cancelled" });
    expect(server.sockets.length).toBe(known);
  });

  it("opens the warmed sockets again when the venue closes them, before an order needs one", async () => {
    await open();
    gate.isShut = false;
    await venue.warm();
    const known = server.sockets.length;
    for (const socket of server.sockets) socket.destroy();
    await until(
      "four sockets for orders, one for those that go ahead and one for cancels anew",
      () => server.sockets.slice(known).filter((socket) => !socket.destroyed).length >= 6,
    );
    await until(
      "their pings have come",
      () => server.received.filter(({ path }) => path.endsWith("/ping")).length >= 12,
    );
    // This answer is read after those to the pings, so that their sockets are free.
    expect(await venue.query(btc, "0a".repeat(16))).toEqual({ kind: "not-found" });
    gate.isShut = true;
    const opened = server.sockets.length;
    expect(await place()).toMatchObject({ kind: "accepted" });
    expect(server.sockets.length).toBe(opened);
  });
});
