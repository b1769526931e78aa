/**
 * Checks one variant of the model, larger if one likes, and prints verdict, states and seconds.
 *
 *     test/model/check                          the names
 *     test/model/check three EPOCHS=4           the protocol with other bounds
 *     test/model/check without-vow --story      a counterexample, told step by step
 *     --memory MB  --seconds S  --depth STEPS   bounds of the run (3000, 300, 200000)
 */
import { explore, SpinMissing } from "./spin.ts";
import { broken, limits, whole } from "./variants.ts";
import type { Variant } from "./variants.ts";

const variants: readonly Variant[] = [...whole, ...broken, ...limits];

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(given: readonly string[]): Promise<number> {
  const [name, ...rest] = given;
  if (name === undefined) {
    for (const one of variants) print(`${one.name.padEnd(44)}${one.what}`);
    return 0;
  }
  const variant = variants.find((one) => one.name === name);
  if (variant === undefined) {
    print(`There is no variant ${name}; without a name all are listed.`);
    return 2;
  }
  const valueOf = (flag: string): { readonly [key: string]: number } => {
    const at = rest.indexOf(`--${flag}`);
    return at < 0 ? {} : { [flag === "memory" ? "memoryMb" : flag]: Number(rest[at + 1]) };
  };
  const bounds = rest.flatMap((word) => {
    const [key = "", value] = word.split("=");
    return value === undefined ? [] : [[key, Number(value)] as const];
  });
  const switches = { ...variant.switches, ...Object.fromEntries(bounds) };
  const found = await explore(switches, {
    tells: rest.includes("--story"),
    ...valueOf("memory"),
    ...valueOf("seconds"),
    ...valueOf("depth"),
  });
  const what = found.broken === undefined ? found.verdict : `${found.verdict} ${found.broken}`;
  const numbers = `${found.states} states, depth ${found.depth}, ${found.seconds} s, ${found.memoryMb} MB`;
  for (const line of found.story) print(line);
  print(`${variant.name}: ${what} (${numbers})`);
  if (found.verdict === "incomplete") print(found.report);
  const isExpected = found.verdict === (variant.breaks === undefined ? "holds" : "breaks");
  return isExpected ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SpinMissing)) throw error;
  print(error.message);
  process.exitCode = 1;
}
