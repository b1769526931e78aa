import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "../exchange.ts";
import { SignedClient, type Answer } from "../testing/signed-client.ts";

let exchange: RunningExchange;
let client: SignedClient;

beforeAll(async () => {
  exchange = await startExchange({ keys: [{ key: "k", secret: "s", account: "desk" }], flow: { rate: 0 } });
  client = new SignedClient(exchange.url, { key: "k", secret: "s" });
});
afterAll(() => exchange.close());

const orderText = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000";

function codeOf(answer: Answer): unknown {
  return (JSON.parse(answer.body) as { code?: unknown }).code;
}

describe("signatures", () => {
  test("cover the text exactly as it was sent, whatever its order or escapes", async () => {
    const text = `timestamp=${Date.now()}&price=50000&quantity=0.01&timeInForce=GTC&type=LIMIT&side=BUY&symbol=BTC%55SDT&recvWindow=5000`;
    expect((await client.sendRaw("POST", `/api/v3/order?${text}&signature=${client.sign(text)}`)).status).toBe(200);
    const reordered = text.split("&").reverse().join("&");
    const answer = await client.sendRaw("POST", `/api/v3/order?${reordered}&signature=${client.sign(text)}`);
    expect([answer.status, codeOf(answer)]).toEqual([400, -1022]);
  });

  test("cover query and body joined without a separator", async () => {
    const [query, body] = [
      "symbol=BTCUSDT&side=BUY&type=LIMIT",
      `timeInForce=GTC&quantity=0.01&price=50000&timestamp=${Date.now()}`,
    ];
    const good = await client.sendRaw(
      "POST",
      `/api/v3/order?${query}`,
      `${body}&signature=${client.sign(query + body)}`,
    );
    expect(good.status).toBe(200);
    const bad = await client.sendRaw(
      "POST",
      `/api/v3/order?${query}`,
      `${body}&signature=${client.sign(`${query}&${body}`)}`,
    );
    expect(codeOf(bad)).toBe(-1022);
  });

  test("are refused without a key, with an unknown key, and without a signature", async () => {
    const noKey = await fetch(`${exchange.url}/api/v3/account?timestamp=${Date.now()}&signature=00`);
    expect([noKey.status, ((await noKey.json()) as { code: number }).code]).toEqual([401, -2014]);
    const unknown = await new SignedClient(exchange.url, { key: "other", secret: "s" }).send("GET", "/api/v3/account");
    expect([unknown.status, codeOf(unknown)]).toEqual([401, -2015]);
    expect(codeOf(await client.sendRaw("GET", `/api/v3/account?timestamp=${Date.now()}`))).toBe(-1102);
  });
});

describe("the validity window", () => {
  test.each([
    { what: "older than its window", shiftMs: -2_000, recvWindow: 1_000, code: -1021 },
    { what: "more than a second from the future", shiftMs: 30_000, recvWindow: 1_000, code: -1021 },
    { what: "asking for more than a minute", shiftMs: 0, recvWindow: 60_001, code: -1131 },
    { what: "inside its window", shiftMs: -2_000, recvWindow: 60_000, code: undefined },
  ])("a request $what gets $code", async ({ shiftMs, recvWindow, code }) => {
    const answer = await client.send("GET", "/api/v3/account", { timestamp: Date.now() + shiftMs, recvWindow });
    expect(codeOf(answer)).toBe(code);
  });
});

describe("parameters", () => {
  test.each([
    { what: "a missing symbol", text: "side=BUY&type=LIMIT", code: -1102 },
    { what: "an unknown symbol", text: orderText.replace("BTCUSDT", "XXXUSDT"), code: -1121 },
    { what: "an unknown side", text: orderText.replace("BUY", "HOLD"), code: -1117 },
    { what: "an unknown type", text: orderText.replace("LIMIT", "STOP"), code: -1116 },
    { what: "an unknown time in force", text: orderText.replace("GTC", "GTD"), code: -1115 },
    { what: "a limit order without a price", text: orderText.replace("&price=50000", ""), code: -1102 },
    {
      what: "a market order with a price",
      text: "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&price=5",
      code: -1106,
    },
    { what: "a parameter that nobody reads", text: `${orderText}&colour=red`, code: -1104 },
    { what: "a parameter twice", text: `${orderText}&price=50001`, code: -1101 },
    { what: "an empty parameter", text: `${orderText}&newClientOrderId=`, code: -1105 },
    {
      what: "a client order id of 37 characters",
      text: `${orderText}&newClientOrderId=${"a".repeat(37)}`,
      code: -1100,
    },
    { what: "nine decimal places", text: orderText.replace("0.01", "0.010000001"), code: -1111 },
    { what: "an exponent", text: orderText.replace("0.01", "1e-2"), code: -1100 },
    { what: "an unknown answer form", text: `${orderText}&newOrderRespType=LONG`, code: -1130 },
  ])("$what gets $code, and is in the audit as refused", async ({ text, code }) => {
    const whole = `${text}&timestamp=${Date.now()}`;
    const answer = await client.sendRaw("POST", "/api/v3/order", `${whole}&signature=${client.sign(whole)}`);
    expect([answer.status, codeOf(answer)]).toEqual([400, code]);
    const tail = exchange.audit().slice(-3);
    expect(tail.map((record) => record.type)).toEqual(["recv", "reject", "ack-written"]);
    expect(tail[1]).toMatchObject({ code, recvN: tail[0]?.n });
  });

  test("an unknown order is -2011 to cancel and -2013 to query", async () => {
    const named = { symbol: "BTCUSDT", origClientOrderId: "nobody" };
    expect(codeOf(await client.send("DELETE", "/api/v3/order", named))).toBe(-2011);
    expect(codeOf(await client.send("GET", "/api/v3/order", named))).toBe(-2013);
    expect(codeOf(await client.send("GET", "/api/v3/order", { symbol: "BTCUSDT" }))).toBe(-1102);
  });

  test("a tested order is checked and not placed", async () => {
    const parameters = {
      symbol: "BTCUSDT",
      side: "BUY",
      type: "LIMIT",
      timeInForce: "GTC",
      quantity: "0.01",
      price: "50000",
    };
    const good = await client.send("POST", "/api/v3/order/test", { ...parameters, newClientOrderId: "tested" });
    expect([good.status, good.body]).toEqual([200, "{}"]);
    expect(codeOf(await client.send("POST", "/api/v3/order/test", { ...parameters, price: "0.001" }))).toBe(-1013);
    expect(codeOf(await client.send("GET", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: "tested" }))).toBe(
      -2013,
    );
  });
});

describe("limits", () => {
  test("weight beyond the limit gets 429 with Retry-After, going on gets a ban", async () => {
    const small = await startExchange({
      keys: [{ key: "k", secret: "s", account: "desk" }],
      flow: { rate: 0 },
      limits: { weightPerMinute: 40, violationsBeforeBan: 2, banSeconds: 60 },
    });
    try {
      const info = (await (await fetch(`${small.url}/api/v3/exchangeInfo`)).json()) as { rateLimits: object[] };
      expect(info.rateLimits).toContainEqual(expect.objectContaining({ rateLimitType: "REQUEST_WEIGHT", limit: 40 }));
      const answers: Response[] = [];
      for (let round = 0; round < 5; round += 1) answers.push(await fetch(`${small.url}/api/v3/exchangeInfo`));
      // 20 of 40 were used before; a minute that turns over in the middle only moves the refusals back by one or two.
      const refused = answers.filter((answer) => answer.status !== 200);
      expect(refused[0]?.status).toBe(429);
      expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
      let last = refused.at(-1) as Response;
      while (last.status !== 418) last = await fetch(`${small.url}/api/v3/exchangeInfo`);
      expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await last.json()).toMatchObject({ code: -1003 });
    } finally {
      await small.close();
    }
  });

  test("answers carry the used weight, and orders their count", async () => {
    const one = await client.send("GET", "/api/v3/time");
    expect(Number(one.headers["x-mbx-used-weight-1m"])).toBeGreaterThan(0);
    const placed = await client.place("counted");
    expect(Number(placed.headers["x-mbx-order-count-10s"])).toBeGreaterThan(0);
  });

  test("too many unfilled orders in ten seconds get -1015", async () => {
    const few = await startExchange({
      keys: [{ key: "k", secret: "s", account: "desk" }],
      flow: { rate: 0 },
      limits: { ordersPerTenSeconds: 1 },
    });
    try {
      const caller = new SignedClient(few.url, { key: "k", secret: "s" });
      const codes: unknown[] = [];
      for (let at = 0; at < 4; at += 1) codes.push(codeOf(await caller.place(`o-${at}`)));
      expect(codes).toContain(-1015);
    } finally {
      await few.close();
    }
  });
});
