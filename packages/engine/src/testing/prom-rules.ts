/**
 * As much of Prometheus as the alert rules need: instant vectors, the functions and operators that the rules use, and how
 * long an alert has held. Anything else in a rule is an error, not a guess. `rate` and `increase` are the plain difference
 * over the window, without Prometheus's extrapolation to its edges.
 */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The value at a second; undefined where there is no sample. */
  readonly at: (second: number) => number | undefined;
}

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

type Vector = readonly Sample[];
type Evaluated = (world: readonly Series[], second: number) => Vector;

/** Names of the alerts that fire at `second`, when the rules are evaluated at each second from 0 on. */
export function firing(rules: readonly Rule[], world: readonly Series[], second: number): readonly string[] {
  return rules
    .filter((rule) => {
      const heldFor = Number(/^(\d+)s$/.exec(rule.for)?.[1]);
      const holds = parse(rule.expr);
      for (let at = second - heldFor; at <= second; at += 1) if (at < 0 || holds(world, at).length === 0) return false;
      return true;
    })
    .map((rule) => rule.alert);
}

/** Every metric that an expression reads. */
export function metricsIn(expr: string): readonly string[] {
  return [...new Set(expr.match(/\bbaton_[a-z_]+\b/g))];
}

const tokenForm =
  /\s*("[^"]*"|\d+(?:\.\d+)?(?=[smh]\])|\d+(?:\.\d+)?|[a-zA-Z_][a-zA-Z0-9_]*|!=|=~|!~|==|>=|<=|[(){}[\],=<>])/y;
const perUnit = { s: 1, m: 60, h: 3_600 } as const;
const compared: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
};
const gathered: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: (values) => values.reduce((a, b) => a + b, 0),
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
};

/** Throws for what it does not know. */
export function parse(expr: string): Evaluated {
  const tokens: string[] = [];
  const peek = (): string => tokens[0] ?? "";
  tokenForm.lastIndex = 0;
  while (tokenForm.lastIndex < expr.trimEnd().length) {
    const at = tokenForm.lastIndex;
    const token = tokenForm.exec(expr)?.[1];
    if (token === undefined) throw new Error(`not understood at ${at}: ${expr}`);
    tokens.push(token);
  }
  const next = (): string => tokens.shift() ?? "";
  const expect = (wanted: string): void => {
    const got = next();
    if (got !== wanted) throw new Error(`${wanted} expected, not ${got}: ${expr}`);
  };
  const list = (): string[] => {
    const names: string[] = [];
    expect("(");
    while (peek() !== ")") {
      names.push(next());
      if (peek() === ",") next();
    }
    expect(")");
    return names;
  };

  const either = (): Evaluated => {
    const sides = [both()];
    while (tokens[0] === "or") {
      next();
      sides.push(both());
    }
    // What stands on the left already, by its labels, is not taken from the right.
    return (world, second) =>
      sides.reduce<Vector>((found, side) => {
        const known = new Set(found.map((one) => keyOf(one.labels)));
        return [...found, ...side(world, second).filter((one) => !known.has(keyOf(one.labels)))];
      }, []);
  };
  const both = (): Evaluated => {
    const sides = [comparison()];
    while (tokens[0] === "and") {
      next();
      sides.push(comparison());
    }
    return (world, second) =>
      sides
        .map((side) => side(world, second))
        .reduce((left, right) => {
          const known = new Set(right.map((one) => keyOf(one.labels)));
          return left.filter((one) => known.has(keyOf(one.labels)));
        });
  };
  const comparison = (): Evaluated => {
    const side = operand();
    const compare = compared[tokens[0] ?? ""];
    if (compare === undefined) return side;
    next();
    const bound = Number(next());
    if (Number.isNaN(bound)) throw new Error(`a comparison with something else than a number: ${expr}`);
    return (world, second) => side(world, second).filter((one) => compare(one.value, bound));
  };
  const operand = (): Evaluated => {
    const name = next();
    const gather = gathered[name];
    if (gather !== undefined) {
      expect("by");
      const by = list();
      expect("(");
      const inner = either();
      expect(")");
      return (world, second) => {
        const groups = new Map<string, { readonly labels: Record<string, string>; readonly values: number[] }>();
        for (const { labels, value } of inner(world, second)) {
          const kept = Object.fromEntries(Object.entries(labels).filter(([label]) => by.includes(label)));
          const group = groups.get(keyOf(kept)) ?? { labels: kept, values: [] };
          group.values.push(value);
          groups.set(keyOf(kept), group);
        }
        return [...groups.values()].map(({ labels, values }) => ({ labels, value: gather(values) }));
      };
    }
    if (name === "histogram_quantile") {
      expect("(");
      const quantile = Number(next());
      expect(",");
      const inner = either();
      expect(")");
      return (world, second) => quantiles(inner(world, second), quantile);
    }
    if (name === "absent" || name === "abs") {
      expect("(");
      const inner = either();
      expect(")");
      return name === "abs"
        ? (world, second) => inner(world, second).map((one) => ({ ...one, value: Math.abs(one.value) }))
        : (world, second) => (inner(world, second).length === 0 ? [{ labels: {}, value: 1 }] : []);
    }
    const overWindow = windowed[name];
    if (overWindow !== undefined) {
      expect("(");
      const select = selector(next());
      expect("[");
      const length = Number(next());
      const unit = next() as keyof typeof perUnit;
      expect("]");
      expect(")");
      const seconds = length * perUnit[unit];
      return (world, second) =>
        select(world).flatMap((series) => {
          const values: number[] = [];
          for (let at = Math.max(0, second - seconds); at <= second; at += 1) {
            const value = series.at(at);
            if (value !== undefined) values.push(value);
          }
          const value = values.length === 0 ? undefined : overWindow(values, seconds);
          return value === undefined ? [] : [{ labels: series.labels, value }];
        });
    }
    if (!name.startsWith("baton_")) throw new Error(`${name} is not known here: ${expr}`);
    const select = selector(name);
    return (world, second) =>
      select(world).flatMap((series) => {
        const value = series.at(second);
        return value === undefined ? [] : [{ labels: series.labels, value }];
      });
  };
  const selector = (name: string): ((world: readonly Series[]) => readonly Series[]) => {
    const wanted: ((labels: Series["labels"]) => boolean)[] = [];
    if (peek() === "{") {
      next();
      while (peek() !== "}") {
        const [label, operator, quoted] = [next(), next(), next()];
        const value = quoted.slice(1, -1);
        if (operator !== "=" && operator !== "!=") throw new Error(`${operator} is not known here: ${expr}`);
        wanted.push((labels) => ((labels[label] ?? "") === value) === (operator === "="));
        if (peek() === ",") next();
      }
      expect("}");
    }
    return (world) => world.filter((one) => one.name === name && wanted.every((want) => want(one.labels)));
  };

  const whole = either();
  if (tokens.length > 0) throw new Error(`left over: ${tokens.join(" ")} in ${expr}`);
  return whole;
}

const windowed: Readonly<Record<string, (values: readonly number[], seconds: number) => number | undefined>> = {
  max_over_time: (values) => Math.max(...values),
  min_over_time: (values) => Math.min(...values),
  increase: (values) => (values.length < 2 ? undefined : (values.at(-1) ?? 0) - (values[0] ?? 0)),
  rate: (values, seconds) => (values.length < 2 ? undefined : ((values.at(-1) ?? 0) - (values[0] ?? 0)) / seconds),
};

/** The quantile of each histogram, as Prometheus reckons it: linear within a bucket; none where nothing was counted. */
function quantiles(buckets: Vector, quantile: number): Vector {
  const histograms = new Map<
    string,
    { readonly labels: Record<string, string>; readonly buckets: [number, number][] }
  >();
  for (const { labels, value } of buckets) {
    const { le = "", ...rest } = labels;
    const found = histograms.get(keyOf(rest)) ?? { labels: rest, buckets: [] };
    found.buckets.push([le === "+Inf" ? Infinity : Number(le), value]);
    histograms.set(keyOf(rest), found);
  }
  return [...histograms.values()].flatMap(({ labels, buckets: found }) => {
    const sorted = found.toSorted(([a], [b]) => a - b);
    const total = sorted.at(-1)?.[1] ?? 0;
    const at = sorted.findIndex(([, count]) => count >= quantile * total);
    if (total === 0 || at === -1) return [];
    const [bound = 0, count = 0] = sorted[at] ?? [];
    const [below, before] = sorted[at - 1] ?? [0, 0];
    const value =
      bound === Infinity ? below : below + ((bound - below) * (quantile * total - before)) / (count - before);
    return [{ labels, value }];
  });
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
