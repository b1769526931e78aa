/**
 * The threads of an engine, started before its own modules are loaded: all of it takes a processor about as long, and a
 * node that comes back is waited for. Nothing heavy may be imported here.
 */
import { PreparedKeeper } from "@baton/cluster/prepared-keeper";
import { PreparedWriter } from "@baton/journal/prepared-writer";

/** Threads that wait to be told what to do; whoever has them ends those that nobody took. */
export interface PreparedThreads extends AsyncDisposable {
  readonly writer: PreparedWriter;
  readonly keeper: PreparedKeeper;
}

/** Starts them. */
export function prepareThreads(): PreparedThreads {
  const writer = new PreparedWriter();
  const keeper = new PreparedKeeper();
  return {
    ...{ writer, keeper },
    async [Symbol.asyncDispose]() {
      await Promise.all([writer[Symbol.asyncDispose](), keeper[Symbol.asyncDispose]()]);
    },
  };
}
