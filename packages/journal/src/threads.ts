/**
 * Talking to the journal's threads: orders that have answers, matched by number. When a thread ends, every order that
 * waits is declined with the reason, so that nothing waits for ever.
 */
import { Worker } from "node:worker_threads";
import { JournalError } from "./errors.ts";
import type { Fault } from "./store/messages.ts";

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** The calls that wait for an answer. */
export class Calls {
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  /** Posts an order under a new number and waits for its answer, whose type the caller knows. */
  ask<Answer>(post: (call: number) => void): Promise<Answer> {
    const call = this.#next;
    this.#next += 1;
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      post(call);
    });
  }

  done(call: number, answer: unknown): void {
    this.#waiting.get(call)?.resolve(answer as never);
    this.#waiting.delete(call);
  }

  declined(call: number, fault: Fault): void {
    this.#waiting.get(call)?.reject(errorOf(fault));
    this.#waiting.delete(call);
  }

  /** Declines all of them. */
  end(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

/** An error that crossed a thread. */
export function errorOf(fault: Fault): JournalError {
  return new JournalError(fault.code, fault.message);
}

/** Starts a thread of this package by the name of its file. */
export function startThread(name: string, workerData: object): Worker {
  // Under node_modules the files are emitted as .js; the name of this one tells which.
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  return new Worker(new URL(`./store/${name}${extension}`, import.meta.url), { workerData });
}
