/**
 * Keeps order sockets open before they are needed: a TCP and TLS handshake on the path of the first order after a takeover
 * costs more than the order. Pings as many at once as there shall be sockets (one request a socket, so each opens or keeps
 * its own), again whenever one was lost, and on a period that is shorter than common idle cuts.
 */
import type { MonoMs } from "@baton/core";
import type { CheckedSockets, Ticket } from "./last-check.ts";
import { signedRead, within, type Line } from "./requests.ts";

const keepEveryMs = 15_000;
const pingWithinMs = 2_000;

export class SocketWarmer {
  readonly #line: Line;
  readonly #count: number;
  #isOn = false;
  #isClosed = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(line: Line, sockets: CheckedSockets, count: number) {
    this.#line = line;
    this.#count = count;
    sockets.onOrderSocketLost(() => this.#soon());
  }

  /** Opens the sockets now (resolved when each ping was answered or failed) and keeps them open from here on. */
  async warm(): Promise<void> {
    this.#isOn = true;
    const lanes = [
      ...Array.from({ length: this.#count }, () => "orders" as const),
      "ahead" as const,
      "cancels" as const,
    ];
    const answered = await Promise.all(lanes.map((lane) => this.#ping(lane)));
    this.#failures = answered.every(Boolean) ? 0 : this.#failures + 1;
    this.#later(this.#failures === 0 ? keepEveryMs : this.#backOffMs());
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #soon(): void {
    if (this.#isOn) this.#later(this.#backOffMs());
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.warm(), ms);
  }

  /** Full jitter, so that the sockets of all nodes are not dialled in one instant after a venue's restart. */
  #backOffMs(): number {
    return 10 + Math.random() * Math.min(5_000, 100 * 2 ** this.#failures);
  }

  async #ping(lane: Ticket["lane"]): Promise<boolean> {
    const untilMonoMs = (this.#line.clock.mono() + pingWithinMs) as MonoMs;
    const { ping } = this.#line.dialect;
    if (!(await this.#line.budget.take("reserved", { weight: ping.weight, orders: 0 }, untilMonoMs))) return false;
    const ticket: Ticket = { call: ping.call, lane, phase: "waiting" };
    const sending = this.#line.driver.send(signedRead(this.#line, ping), ticket);
    const answer = await within(pingWithinMs, ticket, sending);
    return answer.kind === "response" && answer.status < 300;
  }
}
