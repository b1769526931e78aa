import { buildConnector } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { monoMs, type PlaceOutcome } from "@baton/core";
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

/** A connector that, once told to, takes 700 ms to open a socket: the gap in which a permit may end. */
function slowConnector(): { isSlow: boolean; readonly connect: buildConnector.connector } {
  const plain = buildConnector({});
  const slow = {
    isSlow: false,
    connect: ((options, callback) => {
      if (slow.isSlow) setTimeout(() => plain(options, callback), 700);
      else plain(options, callback);
    }) as buildConnector.connector,
  };
  return slow;
}

describe("the last check, with a socket that opens 700 ms after the order was signed", () => {
  let server: ScriptedVenue;
  let permits: TestPermits;
  let venue: Venue;
  let isKilled = false;
  const slow = slowConnector();

  async function open(over: Partial<VenueOptions> = {}): Promise<void> {
    slow.isSlow = false;
    venue = await connect(server.url, permits, {
      connect: slow.connect,
      isKilled: () => isKilled,
      deadlineMs: 3_000,
      ...over,
    });
    slow.isSlow = true;
  }

  const place = (expiresInMs = 5_000): Promise<PlaceOutcome> =>
    venue.place({ clientOrderId: "0a".repeat(16), terms, expiresAtMonoMs: inMs(expiresInMs) }, permits.permit());

  /** Bytes on the connections that were opened after `known`. */
  const bytesSince = (known: number): number =>
    server.sockets.slice(known).reduce((sum, socket) => sum + socket.bytesRead, 0);

  beforeEach(async () => {
    server = await startScriptedVenue();
    permits = new TestPermits();
    isKilled = false;
  });
  afterEach(async () => {
    await venue.close();
    await server.close();
  });

  it("sends no byte when the permit ends between the decision and the socket", async () => {
    await open();
    const known = server.sockets.length;
    const placing = place();
    permits.deadlineMonoMs = monoMs(realClock.mono() + 200);
    expect(await placing).toMatchObject({ kind: "not-sent", reason: "permit-ended" });
    expect(server.sockets.length).toBe(known + 1); // the socket did open
    expect(bytesSince(known)).toBe(0);
    expect(server.received.filter(({ method }) => method === "POST")).toEqual([]);
  });

  it("sends no byte when another epoch holds the permit at the socket", async () => {
    await open();
    const known = server.sockets.length;
    const placing = place();
    await new Promise((resolve) => setTimeout(resolve, 200)); // signed by now, and waiting for its socket
    permits.epoch += 1;
    expect(await placing).toMatchObject({ kind: "not-sent", reason: "permit-ended" });
    expect(bytesSince(known)).toBe(0);
  });

  it("sends no byte when less than the least validity is left at the socket", async () => {
    await open({ validityMs: 740, minValidityMs: 100 });
    const known = server.sockets.length;
    expect(await place()).toMatchObject({ kind: "not-sent", reason: "validity-too-short" });
    expect(bytesSince(known)).toBe(0);
  });

  it("sends no byte when the intent's own time passes before the socket is there", async () => {
    await open();
    const known = server.sockets.length;
    expect(await place(300)).toMatchObject({ kind: "not-sent", reason: "expired" });
    expect(bytesSince(known)).toBe(0);
  });

  it("sends no byte when a kill comes into force before the socket is there", async () => {
    await open();
    const known = server.sockets.length;
    const placing = place();
    isKilled = true;
    expect(await placing).toMatchObject({ kind: "not-sent", reason: "killed" });
    expect(bytesSince(known)).toBe(0);
  });

  it("sends no cancel either once the permit has ended, and a kill does not stop one", async () => {
    await open();
    isKilled = true;
    const known = server.sockets.length;
    const order = { clientOrderId: "0a".repeat(16), symbol: btc };
    const permit = permits.permit();
    const cancelling = venue.cancel(order, permit);
    permits.deadlineMonoMs = monoMs(realClock.mono() + 200);
    expect(await cancelling).toMatchObject({ kind: "not-sent", reason: "permit-ended" });
    expect(bytesSince(known)).toBe(0);
    permits.deadlineMonoMs = inMs(60_000);
    slow.isSlow = false;
    expect(await venue.cancel(order, permits.permit())).toMatchObject({ kind: "cancelled" });
  });

  it("never starts a request whose caller was told that it was not sent", async () => {
    await open({ deadlineMs: 300 });
    const known = server.sockets.length;
    expect(await place()).toMatchObject({ kind: "not-sent", reason: "connect-failed" });
    await new Promise((resolve) => setTimeout(resolve, 600)); // the socket opens meanwhile, for nobody
    expect(bytesSince(known)).toBe(0);
  });

  it("lets the order through when the permit was renewed meanwhile", async () => {
    permits.deadlineMonoMs = inMs(400);
    await open();
    permits.deadlineMonoMs = inMs(1_200);
    const placing = place();
    permits.deadlineMonoMs = inMs(60_000);
    expect(await placing).toMatchObject({ kind: "accepted" });
  });

  it("needs no new socket for the first order, the first that only reduces and the first cancel once they were warmed", async () => {
    await open();
    slow.isSlow = false;
    await venue.warm();
    slow.isSlow = true;
    const known = server.sockets.length;
    expect(await place()).toMatchObject({ kind: "accepted" });
    const stop = { clientOrderId: "0b".repeat(16), terms, expiresAtMonoMs: inMs(5_000), isAhead: true };
    expect(await venue.place(stop, permits.permit())).toMatchObject({ kind: "accepted" });
    const order = { clientOrderId: "0a".repeat(16), symbol: btc };
    expect(await venue.cancel(order, permits.permit())).toMatchObject({ kind: "cancelled" });
    expect(server.sockets.length).toBe(known);
  });

  it("opens the warmed sockets again when the venue closes them, before an order needs one", async () => {
    await open();
    slow.isSlow = false;
    await venue.warm();
    const known = server.sockets.length;
    for (const socket of server.sockets) socket.destroy();
    await until(
      "four sockets for orders, one for those that go ahead and one for cancels anew",
      () => server.sockets.slice(known).filter((socket) => !socket.destroyed).length >= 6,
    );
    slow.isSlow = true;
    const opened = server.sockets.length;
    await until(
      "their pings are answered",
      () => server.received.filter(({ path }) => path.endsWith("/ping")).length >= 12,
    );
    expect(await place()).toMatchObject({ kind: "accepted" });
    expect(server.sockets.length).toBe(opened);
  });
});
