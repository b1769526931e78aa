/**
 * The conversation that opens an account stream: the dialect's greetings, each sent when the one before it was granted and
 * to be answered within a bound. One that is refused, is not answered, or cannot be signed ends the connection with a
 * reason; whether another is tried, or the account is read instead, is for `account-stream.ts` to say.
 */
import type { StreamContext } from "./account-stream.ts";
import type { UserMessage } from "./dialects/user-message.ts";
import { readStamp, sampleClock } from "./requests.ts";

/** What a conversation does to the connection that it is held on. */
export interface OpeningPorts {
  /** Of the stream, from 1: part of each request's id. */
  readonly connection: number;
  /** What the stream was opened with, where its dialect has such a key. */
  readonly key: string | undefined;
  readonly send: (text: string) => void;
  /** A timer that ends with the connection. */
  readonly after: (ms: number, act: () => void) => void;
  /** Everything was granted. */
  readonly granted: () => void;
  readonly failed: (why: string) => void;
}

const answerWithinMs = 5_000;

export class StreamOpening {
  readonly #context: StreamContext;
  readonly #ports: OpeningPorts;
  /** Greetings that were granted, and answers to the one that is out. */
  #greeted = 0;
  #answers = 0;
  #isOver = false;

  constructor(context: StreamContext, ports: OpeningPorts) {
    this.#context = context;
    this.#ports = ports;
  }

  /** Sends the next greeting; after the last of them the stream is granted. */
  greet(): void {
    const { line, venue, venueOptions, venueSymbolOf } = this.#context;
    const greeting = line.dialect.stream.greetings[this.#greeted];
    if (greeting === undefined) {
      this.#isOver = true;
      this.#ports.granted();
      return;
    }
    this.#answers = 0;
    const { apiKey, secret, passphrase = "" } = venueOptions;
    const symbols = [...venue.instruments.keys()].map(venueSymbolOf);
    const parts = { requestId: this.#requestId(), apiKey, secret, passphrase, key: this.#ports.key ?? "", symbols };
    let request: string;
    try {
      request = greeting.request({ ...parts, stamp: readStamp(line) });
    } catch (error) {
      // A secret of a form that REST takes and the stream does not: the account is read instead, and nobody dies of it.
      this.#fail(`the subscription could not be signed: ${error instanceof Error ? error.message : "it failed"}`);
      return;
    }
    this.#ports.send(request);
    const asked = this.#greeted;
    this.#ports.after(answerWithinMs, () => {
      if (!this.#isOver && this.#greeted === asked) this.#fail("no answer to the subscription");
    });
  }

  /** An answer on this connection; one to nothing that is asked now says nothing. */
  answered(message: Extract<UserMessage, { kind: "answer" }>): void {
    if (this.#isOver || (message.requestId ?? this.#requestId()) !== this.#requestId()) return;
    const { line } = this.#context;
    if (message.status === 200) {
      const greeting = line.dialect.stream.greetings[this.#greeted];
      this.#answers += 1;
      if (greeting === undefined || this.#answers < greeting.answers) return;
      this.#greeted += 1;
      this.greet();
      return;
    }
    const { codes } = line.dialect.profile;
    if (message.code !== undefined && codes.clock.includes(message.code)) void sampleClock(line, answerWithinMs);
    this.#fail(`the subscription was refused: ${message.code ?? message.status} ${message.message}`);
  }

  #fail(why: string): void {
    this.#isOver = true;
    this.#ports.failed(why);
  }

  #requestId(): string {
    return `subscribe-${this.#ports.connection}-${this.#greeted + 1}`;
  }
}
