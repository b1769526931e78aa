/**
 * That paper orders never meet real money: an exchange on which money is invented says so with every answer, and no real
 * venue does. One whole answer without the word, and the server counts as real for good: no order leaves any more.
 */
import type { IncomingHttpHeaders } from "node:http";

/** What a paper or simulated exchange sends with each answer. */
const moneyHeader = "baton-exchange-money";
const invented: readonly unknown[] = ["paper", "simulated"];

/** Why nothing is sent to a server. */
export const realMoneySentence = "the server does not say that its money is paper, so it may be real: no order is sent";

/** Watches one venue in mode paper. */
export class MoneyWitness {
  #isReal = false;

  /** True once an answer has not said that the money is invented. */
  get isReal(): boolean {
    return this.#isReal;
  }

  /** Looks at an answer. Only the server itself answers with success; an error may come from something on the way. */
  see(answer: { readonly status: number; readonly headers: IncomingHttpHeaders }): void {
    if (answer.status < 300 && !invented.includes(answer.headers[moneyHeader])) this.#isReal = true;
  }
}
